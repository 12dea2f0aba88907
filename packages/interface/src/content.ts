import type { ByteString } from './byte-string.ts';
import type { SourceLayer } from './kept-work.ts';
import type { Metadata } from './metadata.ts';
import type { Tree } from './tree.ts';

/** A run of bytes within a file. */
export interface Extent {
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** A run of zeros that the archive stored as a hole. */
export interface Hole {
  /** Number of zero bytes, at least 1. */
  readonly hole: number;
}

/** What a streamed content is made of: bytes, or holes of a sparse file. */
export type ContentChunk = Uint8Array | Hole;

/**
 * One file's contents: a whole small file as one array, or a stream of chunks.
 *
 * The bytes belong to the caller and are reused: a sink that needs them after `write` has settled (or after
 * it has asked the stream for its next chunk) copies them.
 */
export type Content = Uint8Array | AsyncIterable<ContentChunk>;

/** The name a sink gives to a content that it has stored: an opaque safe integer, 0 or more. */
export type ContentRef = number;

/** Where a content will be in the final tree, as far as the scan can tell. */
export interface Placement {
  /** Path from the root, no leading slash. */
  readonly path: ByteString;
  /** Metadata of its inode. */
  readonly metadata: Metadata;
  /** PAX records that ocirender does not interpret. */
  readonly extraPax?: ReadonlyMap<ByteString, Uint8Array>;
}

/** What a sink is told about a content when it arrives. */
export interface ContentInfo {
  /** Apparent size in bytes, holes included; never 0. */
  readonly size: number;
  /** Data extents when the file is sparse: known before its first byte. */
  readonly extents?: readonly Extent[];
  /**
   * The expected place. Sinks with `placement: 'any'` may use it as a hint (or for messages) only. For sinks
   * with `placement: 'inline'` it is final, or else the whole session is aborted and run again.
   */
  readonly placement: Placement;
  /** The final tree, when contents are read in a second pass: always for `placement: 'planned'`. */
  readonly tree?: Tree;
  /** The layer that the content comes from; absent where there are none. */
  readonly layer?: SourceLayer;
  /**
   * The image does not show the content: a session makes of it what it would, records that ({@link SourceLayer.recorder}) and stores
   * nothing. Only for sessions that have a `work`. @defaultValue false
   */
  readonly isSpare?: boolean;
  /** Index of the archive member of {@link ContentInfo.layer} that has the content, 0 for the first. */
  readonly member?: number;
}

/**
 * Tells a hole from bytes.
 *
 * @param chunk - a chunk of a content stream
 * @returns true for a hole
 */
export function isHole(chunk: ContentChunk): chunk is Hole {
  return !(chunk instanceof Uint8Array);
}

const ZEROS = new Uint8Array(64 * 1024);

/**
 * Replaces holes by zero bytes, for consumers without a notion of holes.
 *
 * @param content - a content stream
 * @returns the same stream in bytes; zeros come in chunks of at most 64 KiB
 */
export async function* expandHoles(content: AsyncIterable<ContentChunk>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    if (!isHole(chunk)) {
      yield chunk;
      continue;
    }
    for (let left = chunk.hole; left > 0; left -= ZEROS.length) {
      yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
    }
  }
}
