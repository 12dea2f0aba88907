import type { DiagnosticCode, Entry, Layer } from '@ocirender/interface';
import type { MergeLimits } from './limits.ts';

/** One thing that a layer's tar says besides contents. */
export type HeaderEvent =
  | { readonly type: 'entry'; readonly entry: Entry }
  /** What the tar reader repaired or left out. */
  | { readonly type: 'diagnostic'; readonly code: DiagnosticCode; readonly message: string };

/** Everything of a layer's tar but its contents, in archive order. It depends on no choice of how layers are merged. */
export interface LayerHeaders {
  /** Size of the uncompressed layer. */
  readonly tarBytes: number;
  /** Gives them, with entries that belong to the caller. */
  events(): Iterable<HeaderEvent>;
}

/** Takes the headers of one layer as they are read. */
export interface HeaderRecorder {
  /** Takes the next one; what it refers to may change afterwards. */
  add(event: HeaderEvent): void;
  /**
   * Keeps them: the layer has been read to its end, and its digests are right. Never throws.
   *
   * @param tarBytes - size of the uncompressed layer
   */
  commit(tarBytes: number): Promise<void>;
}

/** The limits that a layer's headers were read under, by name. */
export type ReadingLimits = Readonly<Record<string, number>>;

/** Which layer is meant. */
export interface HeaderKey {
  /** Digest of the uncompressed tar, as the image's config says. */
  readonly diffId: string;
  /** Digest of the blob. */
  readonly digest: string;
}

/** Knows the headers of layers that were read before, by the digest of their uncompressed tar. */
export interface HeaderCache {
  /**
   * Looks a layer up.
   *
   * @param key - the layer
   * @param limits - in force: headers that were read under a higher limit are not known
   * @param sameBlob - whether they must have been read of a blob of this digest: another one of that tar does not do
   * @returns undefined when it is not known. Never throws
   */
  find(key: HeaderKey, limits: ReadingLimits, sameBlob: boolean): Promise<LayerHeaders | undefined>;
  /**
   * Begins to record a layer.
   *
   * @param key - the layer
   * @param limits - in force
   */
  record(key: HeaderKey, limits: ReadingLimits): HeaderRecorder;
}

/**
 * Says under what a layer's headers may be kept.
 *
 * @param layer - any layer
 * @returns undefined for layers whose tar nobody promised, or is made on the fly
 */
export function headersKey({ diffId, digest, marksSockets = false }: Layer): HeaderKey | undefined {
  return marksSockets || diffId === undefined ? undefined : { diffId, digest };
}

/**
 * Takes the limits that reading a layer can meet from those of a merge. The bytes of all layers together are counted by the merge.
 *
 * @param limits - of the merge
 */
export function readingLimits(limits: MergeLimits): ReadingLimits {
  const { pathBytes, paxHeaderBytes, xattrBytes, sparseExtents, ratio, windowBytes } = limits;
  return { pathBytes, paxHeaderBytes, xattrBytes, sparseExtents, ratio, windowBytes };
}
