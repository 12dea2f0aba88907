/**
 * The test suite that every ocirender sink runs.
 *
 * @example
 * ```ts
 * // src/compliance.test.ts
 * import { testSink } from '@ocirender/sink-compliance';
 * import { mySink } from './sink.ts';
 * import { readMyFormat } from './testing/read.ts';
 *
 * testSink({
 *   name: 'sink-mine',
 *   factory: () => mySink,
 *   read: readMyFormat,
 *   capabilities: { nanoseconds: false, timeRange: [0, 2 ** 32 - 1] },
 * });
 * ```
 *
 * @packageDocumentation
 */

export type { InodeType, SinkCapabilities } from './capabilities.ts';
export { FULL_CAPABILITIES } from './capabilities.ts';
export type { SinkCheck } from './check.ts';
export { compareTrees } from './compare-trees.ts';
export type { ContentSource } from './content-source.ts';
export {
  contentChunks,
  contentSha256,
  patternContent,
  sparseContent,
  textContent,
} from './content-source.ts';
export type { ContextOptions, DriveOptions } from './drive.ts';
export { contentInfo, driveSession, sinkContext, writeContent } from './drive.ts';
export { expectedTree } from './expected-tree.ts';
export type { ReadDirectoryOptions } from './read-directory.ts';
export { readDirectory } from './read-directory.ts';
export { readImage } from './read-image.ts';
export type { ReadEntry, ReadTree } from './read-tree.ts';
export type { SinkSubject } from './subject.ts';
export { sinkChecks, testSink } from './suite.ts';
export type { PlannedContent, PlannedTree } from './tree-builder.ts';
export { TreeBuilder } from './tree-builder.ts';
