import { CRC_START, crc32c } from '@ocirender/image-file';
import { COMPAT, SUPERBLOCK, SUPERBLOCK_MAGIC, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE } from './format.ts';
import { setU64, type Time } from './inode.ts';

/** What a superblock says. */
export interface Superblock {
  /** Bytes, a power of two. */
  readonly blockSize: number;
  readonly rootNid: number;
  /** Number of inodes. */
  readonly inodes: number;
  /** Time of all short inodes. */
  readonly epoch: Time;
  /** Blocks of the image. */
  readonly blocks: number;
  /** Block of the shared attributes; 0 when there are none. */
  readonly xattrBlock: number;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** At most 15 bytes: Linux wants a NUL behind it. */
  readonly label: Uint8Array;
  /** Flags of `INCOMPAT`. */
  readonly features: number;
  /** Bit set of compression algorithms. */
  readonly algorithms: number;
  /** What stands behind the superblock: one record for each algorithm. */
  readonly compressorConfig: Uint8Array;
}

/**
 * Encodes the superblock.
 *
 * @param superblock - what it says
 * @param head - the first bytes of the image up to the end of the superblock's block, all else filled in
 */
export function encodeSuperblock(superblock: Superblock, head: Uint8Array): void {
  const view = new DataView(head.buffer, head.byteOffset + SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE);
  view.setUint32(SUPERBLOCK.magic, SUPERBLOCK_MAGIC, true);
  view.setUint32(SUPERBLOCK.featureCompat, COMPAT.checksum | COMPAT.mtime, true);
  view.setUint8(SUPERBLOCK.blockSizeBits, Math.log2(superblock.blockSize));
  view.setUint16(SUPERBLOCK.rootNid, superblock.rootNid, true);
  setU64(view, SUPERBLOCK.inodeCount, superblock.inodes);
  setU64(view, SUPERBLOCK.buildTime, superblock.epoch.seconds);
  view.setUint32(SUPERBLOCK.buildTimeNs, superblock.epoch.nanoseconds, true);
  view.setUint32(SUPERBLOCK.blocks, superblock.blocks, true);
  view.setUint32(SUPERBLOCK.xattrBlock, superblock.xattrBlock, true);
  head.set(superblock.uuid, SUPERBLOCK_OFFSET + SUPERBLOCK.uuid);
  head.set(superblock.label, SUPERBLOCK_OFFSET + SUPERBLOCK.volumeName);
  view.setUint32(SUPERBLOCK.featureIncompat, superblock.features, true);
  view.setUint16(SUPERBLOCK.compressionAlgorithms, superblock.algorithms, true);
  head.set(superblock.compressorConfig, SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE);
  view.setUint32(SUPERBLOCK.checksum, superblockChecksum(head, superblock.blockSize), true);
}

/**
 * Computes the checksum: over the rest of the superblock's first block, with the field itself zero
 * (`erofs_superblock_csum_verify`).
 *
 * @param head - the first bytes of the image
 * @param blockSize - bytes
 */
export function superblockChecksum(head: Uint8Array, blockSize: number): number {
  const length = blockSize > SUPERBLOCK_OFFSET ? blockSize - SUPERBLOCK_OFFSET : blockSize;
  const bytes = head.slice(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + length);
  bytes.fill(0, SUPERBLOCK.checksum, SUPERBLOCK.checksum + 4);
  return crc32c(CRC_START, bytes);
}
