import type { Run } from './content-table.ts';
import { MAX_CHUNK_SIZE, NULL_ADDRESS } from './format.ts';

/** Entries are handed out in pieces of this many bytes. */
const PIECE_SIZE: number = 64 * 1024;

/** How a file in several places is cut into chunks of equal size. */
export interface ChunkPlan {
  /** Blocks of a chunk, a power of two. */
  readonly chunkBlocks: number;
  /** Number of entries of the table, 4 bytes each. */
  readonly entries: number;
}

/**
 * Finds the largest chunks of which each is side by side, or a hole.
 *
 * @param runs - the file's blocks
 * @param blockSize - bytes
 */
export function planChunks(runs: Iterable<Run>, blockSize: number): ChunkPlan {
  let blocks = 0;
  const most = MAX_CHUNK_SIZE / blockSize;
  let chunkBlocks = most;
  for (const run of runs) {
    while (blocks % chunkBlocks !== 0) chunkBlocks /= 2;
    blocks += run.blocks;
  }
  while (chunkBlocks > 1 && chunkBlocks / 2 >= blocks) chunkBlocks /= 2;
  return { chunkBlocks, entries: Math.ceil(blocks / chunkBlocks) };
}

/**
 * Encodes a table of chunks, in pieces: holes make long tables of few runs.
 *
 * @param runs - the file's blocks
 * @param plan - of the same runs
 * @returns bytes; each piece is valid until the next one is asked for
 */
export function* encodeChunks(
  runs: Iterable<Run>,
  { chunkBlocks, entries }: ChunkPlan,
): Generator<Uint8Array> {
  const bytes = new Uint8Array(Math.min(PIECE_SIZE, 4 * entries));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { address, blocks } of runs) {
    for (let done = 0; done < blocks; done += chunkBlocks) {
      if (at === bytes.length) {
        yield bytes;
        at = 0;
      }
      view.setUint32(at, address === NULL_ADDRESS ? NULL_ADDRESS : address + done, true);
      at += 4;
    }
  }
  yield bytes.subarray(0, at);
}
