import type { Extent } from '@ocirender/interface';
import { MAX_CHUNK_SIZE } from './format.ts';

/** Files whose table of chunks of one block each has at most so many entries keep every hole of whole blocks. */
const SHORT_TABLE: number = 2 ** 20;

/** Bytes of an entry of a table of chunks. */
const ENTRY_SIZE = 4;

/**
 * Chooses the size of which holes are stored as holes. A file has chunks of one size, each of which takes an entry of
 * its table: small chunks make the tables of huge files long, large ones store the zeros around each piece of data. For
 * files whose tables would be long the size is taken that needs the fewest bytes for both.
 *
 * @param size - of the file in bytes
 * @param blockSize - bytes
 * @param extents - where the data of a sparse file is, in order; undefined when that is not known
 * @returns bytes, a power of two, at least the block size
 */
export function holeGrain(size: number, blockSize: number, extents: readonly Extent[] | undefined): number {
  if (size <= SHORT_TABLE * blockSize) return blockSize;
  if (extents === undefined) return Math.min(MAX_CHUNK_SIZE, 2 ** Math.ceil(Math.log2(size / SHORT_TABLE)));
  let best = blockSize;
  let least = Number.POSITIVE_INFINITY;
  for (let grain = blockSize; grain <= MAX_CHUNK_SIZE; grain *= 2) {
    const table = ENTRY_SIZE * Math.ceil(size / grain);
    const bytes = table + grain * chunksWithData(extents, grain);
    if (bytes < least) {
      least = bytes;
      best = grain;
    }
  }
  return best;
}

/** How many chunks of so many bytes hold data. */
function chunksWithData(extents: readonly Extent[], grain: number): number {
  let chunks = 0;
  let next = 0;
  for (const { offset, length } of extents) {
    if (length === 0) continue;
    const first = Math.max(Math.floor(offset / grain), next);
    next = Math.max(next, Math.floor((offset + length - 1) / grain) + 1);
    chunks += next - first;
  }
  return chunks;
}
