/**
 * Container images wherever they are: OCI layouts, `docker save` archives, skopeo's `dir:`, standard input, Docker and
 * Podman, Docker's overlay2 storage, registries.
 *
 * ```js
 * import { openSource } from '@ocirender/sources';
 *
 * const image = await openSource('docker-archive:images.tar:nginx:1.27');
 * try {
 *   for (const layer of image.layers) console.log(layer.digest, layer.size);
 * } finally {
 *   await image.close?.();
 * }
 * ```
 *
 * @packageDocumentation
 */

export { abortable, discardSource } from './abortable.ts';
export type { EngineName } from './daemon/engine-address.ts';
export type { ArchiveLimits } from './limits.ts';
export type { OpenArchive, OpenArchiveOptions } from './open-archive.ts';
export { openArchiveFile, openArchiveStream } from './open-archive.ts';
export { openEngineImage } from './open-engine.ts';
export { openOverlay2 } from './open-overlay2.ts';
export type { OpenSourceOptions } from './open-source.ts';
export { listSourceImages, openSource } from './open-source.ts';
export type { SourceReference } from './parse-source.ts';
export { parseSource, SOURCE_PREFIXES } from './parse-source.ts';
export type { PrefetchOptions } from './prefetch.ts';
export { prefetchLayers } from './prefetch.ts';
export { recognizeArchive } from './recognize-archive.ts';
export { SpooledBlob } from './spooled-blob.ts';
