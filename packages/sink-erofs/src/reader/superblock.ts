import { FormatError } from '@ocirender/interface';
import {
  COMPAT,
  INCOMPAT,
  SLOT_SIZE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
} from '../format.ts';
import { superblockChecksum } from '../superblock.ts';
import type { ImageFile } from './image-file.ts';

/** What a reader needs of a superblock. */
export interface ReadSuperblock {
  readonly blockSize: number;
  readonly blocks: number;
  readonly inodes: number;
  /** Where inode 0 would be, in bytes. */
  readonly metaStart: number;
  /** Where the shared attributes are, in bytes. */
  readonly xattrStart: number;
  readonly rootNid: number;
  /** Time of short inodes: seconds and nanoseconds. */
  readonly epoch: readonly [seconds: number, nanoseconds: number];
  readonly uuid: string;
  readonly label: string;
  /** Flags of `INCOMPAT`. */
  readonly features: number;
}

const KNOWN_FEATURES: number = Object.values(INCOMPAT).reduce((all, flag) => all | flag, 0);

/**
 * Reads and checks the superblock.
 *
 * @param file - the image
 * @throws {FormatError} when it is not an EROFS image, damaged, or of a kind that this reader does not know
 */
export async function readSuperblock(file: ImageFile): Promise<ReadSuperblock> {
  const bytes = await file.metadata(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, 'superblock');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (field: keyof typeof SUPERBLOCK): number => SUPERBLOCK_OFFSET + SUPERBLOCK[field];
  if (view.getUint32(SUPERBLOCK.magic, true) !== SUPERBLOCK_MAGIC)
    throw new FormatError('not an EROFS image: no superblock', SUPERBLOCK_OFFSET);
  const bits = view.getUint8(SUPERBLOCK.blockSizeBits);
  if (bits < 9 || bits > 16)
    throw new FormatError(`superblock: blocks of 2^${bits} bytes; 2^9 to 2^16 exist`, at('blockSizeBits'));
  const blockSize = 2 ** bits;
  if ((view.getUint32(SUPERBLOCK.featureCompat, true) & COMPAT.checksum) !== 0)
    await checkSum(file, blockSize, view.getUint32(SUPERBLOCK.checksum, true));
  const features = view.getUint32(SUPERBLOCK.featureIncompat, true);
  if ((features & ~KNOWN_FEATURES) !== 0) {
    const unknown = (features & ~KNOWN_FEATURES) >>> 0;
    throw new FormatError(`superblock: unknown features 0x${unknown.toString(16)}`, at('featureIncompat'));
  }
  if (view.getUint16(SUPERBLOCK.extraDevices, true) !== 0)
    throw new FormatError('the image keeps its data on further devices', at('extraDevices'));
  if (view.getUint8(SUPERBLOCK.directoryBlockBits) !== 0)
    throw new FormatError('superblock: directory blocks of another size', at('directoryBlockBits'));
  const blocks = view.getUint32(SUPERBLOCK.blocks, true);
  file.check(0, blocks * blockSize, 'superblock: the image');
  return {
    blockSize,
    blocks,
    inodes: safe(view.getBigUint64(SUPERBLOCK.inodeCount, true), at('inodeCount')),
    metaStart: view.getUint32(SUPERBLOCK.metaBlock, true) * blockSize,
    xattrStart: view.getUint32(SUPERBLOCK.xattrBlock, true) * blockSize,
    rootNid: view.getUint16(SUPERBLOCK.rootNid, true),
    epoch: [
      safe(view.getBigInt64(SUPERBLOCK.buildTime, true), at('buildTime')),
      view.getUint32(SUPERBLOCK.buildTimeNs, true),
    ],
    uuid: hyphened(Buffer.from(bytes.subarray(SUPERBLOCK.uuid, SUPERBLOCK.volumeName)).toString('hex')),
    label: Buffer.from(bytes.subarray(SUPERBLOCK.volumeName, SUPERBLOCK.featureIncompat))
      .toString('latin1')
      .replace(/\0.*$/s, ''),
    features,
  };
}

/** Gives the position of an inode in bytes. */
export function inodePosition({ metaStart }: ReadSuperblock, nid: number): number {
  return metaStart + nid * SLOT_SIZE;
}

/**
 * Turns a 64-bit number into a JavaScript one.
 *
 * @param value - from the image
 * @param offset - where it stands, in bytes
 * @throws {FormatError} when it is no safe integer
 */
export function safe(value: bigint, offset: number): number {
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
    throw new FormatError(`the number ${value} is out of range`, offset);
  return Number(value);
}

async function checkSum(file: ImageFile, blockSize: number, expected: number): Promise<void> {
  const end = Math.max(blockSize, SUPERBLOCK_OFFSET + blockSize * Number(blockSize <= SUPERBLOCK_OFFSET));
  const actual = superblockChecksum(await file.metadata(0, end, 'superblock'), blockSize);
  if (actual === expected) return;
  throw new FormatError(
    `superblock: checksum ${actual.toString(16)}, expected ${expected.toString(16)}`,
    SUPERBLOCK_OFFSET + SUPERBLOCK.checksum,
  );
}

function hyphened(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
