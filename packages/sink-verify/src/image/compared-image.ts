import type { ImageSource, TimeRange, WalkedName } from '@ocirender/interface';

/** Digests of a batch of files. */
export interface DigestBatch {
  /** `id` of each node. */
  readonly ids: Float64Array<ArrayBuffer>;
  /** The SHA-256 of each, 32 bytes after 32 bytes. */
  readonly digests: Uint8Array<ArrayBuffer>;
}

/** How digests are computed. */
export interface DigestOptions {
  readonly signal?: AbortSignal;
  /** Told of bytes that have been read, more and more of them: each call says how many since the last one. */
  readonly onBytes?: (bytes: number) => void;
}

/** What a comparison needs of one image. */
export interface ComparedImage {
  readonly format: string;
  readonly times: TimeRange;
  /** All names, a directory before what it holds, siblings in bytewise order, the root first. Asked for once. */
  names(signal?: AbortSignal): AsyncIterable<readonly WalkedName[]>;
  /**
   * Hashes files, in the order that costs the least. Asked for after `names` has ended.
   *
   * @param ids - `id` of regular files that `names` gave
   */
  digests(ids: Float64Array<ArrayBuffer>, options?: DigestOptions): AsyncIterable<DigestBatch>;
  /** Gives the image for reading single files in this thread; undefined when contents cannot be read again. */
  source(): Promise<ImageSource | undefined>;
  /** Closes what this object has opened. */
  close(): Promise<void>;
}
