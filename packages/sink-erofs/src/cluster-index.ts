import { ALGORITHM, type CodecSpec, MIN_CLUSTER_SIZE } from './compression.ts';
import type { CompressedExtent } from './content-table.ts';
import {
  ADVISE,
  CLUSTER_BLOCKS,
  CLUSTER_ENTRY,
  CLUSTER_ENTRY_SIZE,
  CLUSTER_TYPE,
  FULL_INDEX_GAP,
  MAP_HEADER,
  MAP_HEADER_SIZE,
} from './format.ts';

/** Each entry of an index stands for so many bytes of a file: a block. */
const CLUSTER = 4096;
/** Entries are handed out in pieces of this many bytes. */
const PIECE_SIZE = 4096;

/**
 * Computes how much room the index of a compressed file takes.
 *
 * @param head - bytes of its inode and attributes, behind which it stands at a multiple of 8
 * @param size - bytes of the file
 */
export function clusterIndexSize(head: number, size: number): number {
  return gapBefore(head) + MAP_HEADER_SIZE + FULL_INDEX_GAP + CLUSTER_ENTRY_SIZE * Math.ceil(size / CLUSTER);
}

/**
 * Encodes the index of a compressed file, in pieces (`erofs_fs.h`, "On-disk logical cluster type").
 *
 * In the 4096 bytes in which an extent begins, its entry tells where: what comes before belongs to the extent before.
 * Entries for what lies wholly inside of an extent tell the distances to its own and to the next beginning.
 *
 * @param extents - the file's data in order; each but the last reaches the next multiple of 4096 bytes
 * @param head - as for {@link clusterIndexSize}
 * @param size - bytes of the file
 * @param codec - what it is compressed with
 * @returns bytes; each piece is valid until the next one is asked for
 */
export function* encodeClusterIndex(
  extents: Iterable<CompressedExtent>,
  head: number,
  size: number,
  { kind, clusterSize }: CodecSpec,
): Generator<Uint8Array> {
  const gap = gapBefore(head);
  const header = new DataView(new ArrayBuffer(gap + MAP_HEADER_SIZE + FULL_INDEX_GAP));
  const isBig = clusterSize > MIN_CLUSTER_SIZE;
  header.setUint16(gap + MAP_HEADER.advise, isBig ? ADVISE.bigCluster1 : 0, true);
  header.setUint8(gap + MAP_HEADER.algorithms, ALGORITHM[kind]);
  yield new Uint8Array(header.buffer);

  const piece = new Uint8Array(PIECE_SIZE);
  const view = new DataView(piece.buffer);
  let at = 0;
  let start = 0;
  for (const { length, address, blocks } of extents) {
    const end = start + length;
    const first = Math.floor(start / CLUSTER);
    // The last bytes of a file may begin and end within one entry.
    const beyond = Math.max(first + 1, Math.floor(end / CLUSTER));
    for (let entry = first; entry < beyond; entry++) {
      if (at === PIECE_SIZE) {
        yield piece;
        at = 0;
      }
      const distance = entry - first;
      if (distance === 0) {
        view.setUint16(
          at + CLUSTER_ENTRY.advise,
          blocks === 0 ? CLUSTER_TYPE.plain : CLUSTER_TYPE.head,
          true,
        );
        view.setUint16(at + CLUSTER_ENTRY.offset, start % CLUSTER, true);
        view.setUint32(at + CLUSTER_ENTRY.address, address, true);
      } else {
        view.setUint16(at + CLUSTER_ENTRY.advise, CLUSTER_TYPE.nonHead, true);
        view.setUint16(at + CLUSTER_ENTRY.offset, 0, true);
        const delta = distance === 1 && isBig ? CLUSTER_BLOCKS | blocks : distance;
        view.setUint16(at + CLUSTER_ENTRY.delta0, delta, true);
        view.setUint16(at + CLUSTER_ENTRY.delta1, beyond - entry, true);
      }
      at += CLUSTER_ENTRY_SIZE;
    }
    if (end === size && beyond * CLUSTER < size) {
      // Where the file ends begins nothing.
      if (at === PIECE_SIZE) {
        yield piece;
        at = 0;
      }
      piece.fill(0, at, at + CLUSTER_ENTRY_SIZE);
      view.setUint16(at + CLUSTER_ENTRY.offset, size % CLUSTER, true);
      at += CLUSTER_ENTRY_SIZE;
    }
    start = end;
  }
  yield piece.subarray(0, at);
}

function gapBefore(head: number): number {
  return (8 - (head % 8)) % 8;
}
