/**
 * The sink `dir`, which writes a merged image as a directory, and the reader of directories.
 *
 * ```js
 * import { dirSink } from '@ocirender/sink-dir';
 *
 * const session = await dirSink.open({
 *   output: { kind: 'directory', path: 'rootfs' },
 *   options: {},
 *   threads: 1,
 *   signal: new AbortController().signal,
 *   diagnose: (diagnostic) => console.error(diagnostic.message),
 * });
 * ```
 *
 * @packageDocumentation
 */
export { mtreeLines } from './mtree.ts';
export { directoryReader, openDirectory } from './reader/directory-reader.ts';
export { dirSink } from './sink.ts';
