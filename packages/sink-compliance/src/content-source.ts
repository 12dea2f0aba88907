import { createHash } from 'node:crypto';
import type { ContentChunk, Extent } from '@ocirender/interface';

/** The contents of one file of a test tree: known by rule, so that large ones need no memory. */
export interface ContentSource {
  /** Apparent size in bytes. */
  readonly size: number;
  /** Data extents of a sparse file, ascending. */
  readonly extents?: readonly Extent[];
  /** Overwrites `target` with the bytes that begin at `offset` (of extents when sparse: never asked for holes). */
  readonly fill: (target: Uint8Array, offset: number) => void;
}

/**
 * Makes contents of text.
 *
 * @param text - stored as UTF-8
 * @returns the contents
 */
export function textContent(text: string): ContentSource {
  const bytes = Buffer.from(text, 'utf8');
  return {
    size: bytes.length,
    fill: (target, offset) => target.set(bytes.subarray(offset, offset + target.length)),
  };
}

const BLOCK = 1024;

/**
 * Makes contents by rule: equal arguments give equal bytes.
 *
 * @param size - bytes
 * @param seed - which of the possible contents
 * @param kind - `random` does not compress, `text` does
 * @returns the contents
 */
export function patternContent(
  size: number,
  seed: number,
  kind: 'random' | 'text' = 'random',
): ContentSource {
  const block = new Uint8Array(BLOCK);
  const words = new Uint32Array(block.buffer);
  const fill = (target: Uint8Array, offset: number): void => {
    for (let done = 0; done < target.length; ) {
      const position = offset + done;
      const index = Math.floor(position / BLOCK);
      // Text repeats over many blocks; random bytes never do.
      let state =
        (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(kind === 'text' ? index >> 6 : index + 1, 0x85ebca6b)) |
        1;
      for (let word = 0; word < words.length; word++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        words[word] = kind === 'text' ? 0x20616261 + (state & 0x03030303) : state;
      }
      const from = position % BLOCK;
      const length = Math.min(BLOCK - from, target.length - done);
      target.set(block.subarray(from, from + length), done);
      done += length;
    }
  };
  return { size, fill };
}

/**
 * Makes a sparse file: pattern bytes in the extents, zeros elsewhere.
 *
 * @param size - apparent size in bytes
 * @param extents - where data is, ascending, within `size`
 * @param seed - which bytes
 * @returns the contents
 */
export function sparseContent(size: number, extents: readonly Extent[], seed: number): ContentSource {
  return { size, extents, fill: patternContent(size, seed).fill };
}

/** Byte with which buffers are overwritten when they are the caller's again. */
const SCRUBBED = 0xa5;

/**
 * Marks a buffer as reused: a sink that kept a view of it will read nonsense.
 *
 * @param bytes - a buffer that was handed to a sink
 */
export function scrub(bytes: Uint8Array): void {
  bytes.fill(SCRUBBED);
}

/**
 * Streams contents as the engine does: every chunk is a view of one buffer that is overwritten as soon as the
 * consumer asks for the next.
 *
 * @param source - the contents
 * @param chunkBytes - largest chunk, bytes; holes are cut at 1024 times that
 * @returns bytes and holes in order
 */
export async function* contentChunks(
  source: ContentSource,
  chunkBytes: number,
): AsyncGenerator<ContentChunk> {
  // The view begins inside its buffer, so that a sink that takes `.buffer` for the bytes is found out.
  const view = new Uint8Array(chunkBytes + 16).subarray(5, 5 + chunkBytes);
  for (const { offset, length, hole } of segments(source)) {
    if (hole) {
      for (let left = length; left > 0; left -= chunkBytes * 1024)
        yield { hole: Math.min(left, chunkBytes * 1024) };
      continue;
    }
    for (let done = 0; done < length; done += chunkBytes) {
      const chunk = view.subarray(0, Math.min(chunkBytes, length - done));
      source.fill(chunk, offset + done);
      yield chunk;
      scrub(view);
    }
  }
}

/** Cuts contents into data and holes, ascending and without gaps. */
function* segments(source: ContentSource): Generator<Extent & { hole: boolean }> {
  let position = 0;
  for (const { offset, length } of source.extents ?? [{ offset: 0, length: source.size }]) {
    if (offset > position) yield { offset: position, length: offset - position, hole: true };
    if (length > 0) yield { offset, length, hole: false };
    position = offset + length;
  }
  if (position < source.size) yield { offset: position, length: source.size - position, hole: true };
}

/**
 * Hashes contents, holes as zeros.
 *
 * @param source - the contents
 * @returns SHA-256 as 64 hexadecimal digits
 */
export function contentSha256(source: ContentSource): string {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(64 * 1024);
  for (const { offset, length, hole } of segments(source)) {
    for (let done = 0; done < length; done += buffer.length) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, length - done));
      if (hole) chunk.fill(0);
      else source.fill(chunk, offset + done);
      hash.update(chunk);
    }
  }
  return hash.digest('hex');
}
