import type { DiagnosticCode, Entry, KeptWork, Layer, WorkRecorder } from '@ocirender/interface';
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
export interface LayerKey {
  /** Digest of the uncompressed tar, as the image's config says. */
  readonly diffId: string;
  /** Digest of the blob. */
  readonly digest: string;
}

/** SHA-256 of contents of a layer, by the index of the archive member. */
export interface ContentDigests {
  /** @returns the digest in hexadecimal; undefined when it is not known */
  get(record: number): string | undefined;
}

/** What sinks have made of a layer's contents, open for reading. */
export interface KnownWork extends KeptWork {
  /** Whether some of it turned out to be damaged: the session that was given it cannot go on. */
  readonly isDamaged: boolean;
  /** Closes it; what is damaged is reported, and not found again. Never throws. */
  close(): Promise<void>;
}

/** What a sink makes of a layer's contents, while it is written down. */
export interface WorkRecording extends WorkRecorder {
  /** Keeps it: the layer has been read to its end, its digests are right, and the output is complete. Never throws. */
  commit(): Promise<void>;
  /** Forgets it. Never throws. */
  discard(): Promise<void>;
}

/** Knows what layers say that were read before, by the digest of their uncompressed tar. */
export interface LayerMemory {
  /**
   * Looks a layer's headers up.
   *
   * @param key - the layer
   * @param limits - in force: headers that were read under a higher limit are not known
   * @param sameBlob - whether they must have been read of a blob of this digest: another one of that tar does not do
   * @returns undefined when it is not known. Never throws
   */
  findHeaders(key: LayerKey, limits: ReadingLimits, sameBlob: boolean): Promise<LayerHeaders | undefined>;
  /**
   * Begins to record a layer's headers.
   *
   * @param key - the layer
   * @param limits - in force
   */
  recordHeaders(key: LayerKey, limits: ReadingLimits): HeaderRecorder;
  /**
   * Looks up what contents of a layer hash to.
   *
   * @param key - the layer
   * @param sameBlob - as for {@link findHeaders}
   * @returns those that are known, perhaps not of all members. Never throws
   */
  findDigests(key: LayerKey, sameBlob: boolean): Promise<ContentDigests | undefined>;
  /**
   * Keeps what contents of a layer hash to, beside those that are known: the layer has been read to its end, and its digests are right.
   * Never throws.
   *
   * @param key - the layer
   * @param digests - SHA-256 in hexadecimal, by the index of the archive member
   */
  keepDigests(key: LayerKey, digests: ReadonlyMap<number, string>): Promise<void>;
  /**
   * Looks up what sinks have made of a layer's contents.
   *
   * @param key - the layer
   * @param work - see `SinkSession.work`
   * @param sameBlob - as for {@link findHeaders}
   * @returns undefined when there is nothing. Never throws
   */
  findWork(key: LayerKey, work: string, sameBlob: boolean): Promise<KnownWork | undefined>;
  /**
   * Begins to write down what a sink makes of a layer's contents.
   *
   * @param key - the layer
   * @param work - see `SinkSession.work`
   */
  recordWork(key: LayerKey, work: string): WorkRecording;
}

/**
 * Says under what a layer's headers may be kept.
 *
 * @param layer - any layer
 * @returns undefined for layers whose tar nobody promised, or is made on the fly
 */
export function layerKey({ diffId, digest, marksSockets = false }: Layer): LayerKey | undefined {
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
