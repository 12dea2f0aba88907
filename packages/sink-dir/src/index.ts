/**
 * The sink `dir`: writes a merged image as a directory.
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
export type { XattrReader } from './read-xattrs.ts';
export { loadXattrReader } from './read-xattrs.ts';
export { dirSink } from './sink.ts';
