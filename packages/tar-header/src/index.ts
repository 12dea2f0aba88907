/**
 * Lossless reader and writer of tar streams: V7, ustar, star, GNU and PAX in, canonical ustar and PAX out.
 *
 * @example
 * ```js
 * import { readTar } from '@ocirender/tar-header';
 *
 * for await (const { entry, content } of readTar(process.stdin)) console.log(entry.type, entry.path);
 * ```
 *
 * @packageDocumentation
 */
export { alignExtents } from './align-extents.ts';
export { END_OF_ARCHIVE, encodeTarHeader, storedSize } from './encode.ts';
export type { TarEvent } from './events.ts';
export { heldEntryBytes, heldXattrBytes } from './held-bytes.ts';
export type { TarLimits } from './limits.ts';
export { DEFAULT_TAR_LIMITS } from './limits.ts';
export { tarPadding } from './padding.ts';
export type { ReadTarOptions, TarMember } from './read-tar.ts';
export { readTar } from './read-tar.ts';
export type { TarReaderOptions } from './reader.ts';
export { TarReader } from './reader.ts';
export type { TarTreeReport } from './tree-writer.ts';
export { TarTreeWriter } from './tree-writer.ts';
