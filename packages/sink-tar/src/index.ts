/**
 * The tar sink, which writes a merged image as one tar, and the reader of tar archives.
 *
 * @example
 * ```js
 * import { openTar, tarSink } from '@ocirender/sink-tar';
 *
 * console.log(tarSink.name, tarSink.outputs);
 * const image = await openTar('rootfs.tar.gz');
 * for await (const { path, node } of image.walk()) console.log(node.type, path);
 * await image.close();
 * ```
 *
 * @packageDocumentation
 */
export type { TarArchiveLimits } from './reader/limits.ts';
export { DEFAULT_ARCHIVE_LIMITS } from './reader/limits.ts';
export type { OpenTarOptions } from './reader/tar-reader.ts';
export { openTar, tarReader } from './reader/tar-reader.ts';
export { tarSink } from './sink.ts';
