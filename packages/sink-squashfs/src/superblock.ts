import { NO_TABLE, SUPERBLOCK, SUPERBLOCK_MAGIC, SUPERBLOCK_SIZE } from './format.ts';

/** What the superblock says about an image. Positions are bytes from the start of the image. */
export interface Superblock {
  readonly inodeCount: number;
  /** Seconds since the epoch, 0 to 2^32 - 1. */
  readonly modificationTime: number;
  /** Bytes, a power of two. */
  readonly blockSize: number;
  readonly fragmentCount: number;
  readonly compressor: number;
  readonly flags: number;
  readonly idCount: number;
  /** Metadata block position << 16 | offset, relative to the inode table. */
  readonly rootInode: bigint;
  readonly bytesUsed: number;
  readonly idTable: number;
  readonly inodeTable: number;
  readonly directoryTable: number;
  /** Undefined: the image has none. */
  readonly xattrTable: number | undefined;
  readonly fragmentTable: number | undefined;
  readonly exportTable: number | undefined;
}

/**
 * Encodes a superblock (format.adoc, "The Superblock").
 *
 * @param fields - what it says
 * @returns 96 bytes
 */
export function encodeSuperblock(fields: Superblock): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  const u16 = (offset: number, value: number): void => view.setUint16(offset, value, true);
  const u32 = (offset: number, value: number): void => view.setUint32(offset, value, true);
  const position = (offset: number, value: number | undefined): void =>
    view.setBigUint64(offset, value === undefined ? NO_TABLE : BigInt(value), true);
  u32(SUPERBLOCK.magic, SUPERBLOCK_MAGIC);
  u32(SUPERBLOCK.inodeCount, fields.inodeCount);
  u32(SUPERBLOCK.modificationTime, fields.modificationTime);
  u32(SUPERBLOCK.blockSize, fields.blockSize);
  u32(SUPERBLOCK.fragmentCount, fields.fragmentCount);
  u16(SUPERBLOCK.compressor, fields.compressor);
  u16(SUPERBLOCK.blockLog, Math.log2(fields.blockSize));
  u16(SUPERBLOCK.flags, fields.flags);
  u16(SUPERBLOCK.idCount, fields.idCount);
  u16(SUPERBLOCK.versionMajor, 4);
  u16(SUPERBLOCK.versionMinor, 0);
  view.setBigUint64(SUPERBLOCK.rootInode, fields.rootInode, true);
  position(SUPERBLOCK.bytesUsed, fields.bytesUsed);
  position(SUPERBLOCK.idTable, fields.idTable);
  position(SUPERBLOCK.xattrTable, fields.xattrTable);
  position(SUPERBLOCK.inodeTable, fields.inodeTable);
  position(SUPERBLOCK.directoryTable, fields.directoryTable);
  position(SUPERBLOCK.fragmentTable, fields.fragmentTable);
  position(SUPERBLOCK.exportTable, fields.exportTable);
  return bytes;
}
