/**
 * Merges the layers of an OCI image into one tree exactly as a container runtime does, while contents stream to a
 * sink.
 *
 * @packageDocumentation
 */
export { EmittedPathTracker } from './emitted-path-tracker.ts';
export type { PendingLink } from './hard-link-tracker.ts';
export { HardLinkTracker } from './hard-link-tracker.ts';
export type { JournalRecord, RecordKind } from './journal.ts';
export { Journal, NOT_STORED } from './journal.ts';
export type {
  ContentDigests,
  HeaderEvent,
  HeaderRecorder,
  KnownWork,
  LayerHeaders,
  LayerKey,
  LayerMemory,
  ReadingLimits,
  WorkRecording,
} from './layer-memory.ts';
export { layerKey } from './layer-memory.ts';
export type { MergeLimits } from './limits.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export type { MergedLayer, MergeObserver, MergeOptions, MergePhase, MergeResult } from './merge.ts';
export { mergeLayers } from './merge.ts';
export type { CleanPath } from './path.ts';
export { cleanPath } from './path.ts';
export type { MergePolicy } from './policy.ts';
export { DEFAULT_POLICY } from './policy.ts';
export type { ContentPlace } from './read-contents.ts';
export { ContentReader, contentPlace } from './read-contents.ts';
export type { ReplayOptions } from './replay.ts';
export { Replay } from './replay.ts';
export type { NameMeaning } from './whiteout.ts';
export { nameMeaning, OPAQUE_MARKER, WHITEOUT_PREFIX } from './whiteout.ts';
export { WhiteoutTracker } from './whiteout-tracker.ts';
export { XattrPool } from './xattr-pool.ts';
