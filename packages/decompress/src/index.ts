/**
 * Streaming decompression of container layers.
 *
 * ```js
 * import { createReadStream } from 'node:fs';
 * import { decompress } from '@ocirender/decompress';
 *
 * const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
 * for await (const chunk of decompress(createReadStream('layer.tar.gz'), { mediaType })) {
 *   process.stdout.write(chunk);
 * }
 * ```
 *
 * @packageDocumentation
 */

export type { Compression } from './compression.ts';
export type { DecompressOptions } from './decompress.ts';
export { decompress } from './decompress.ts';
export type { InputThreadsOptions } from './input/input-threads.ts';
export { InputThreads } from './input/input-threads.ts';
export type { LayerInput, LayerInputOptions } from './input/layer-input.ts';
export type { DecompressLimits } from './limits.ts';
export { DEFAULT_DECOMPRESS_LIMITS } from './limits.ts';
export { detectCompression } from './magic.ts';
export { compressionOfMediaType } from './media-type.ts';
