import { crc32c } from '@ocirender/image-file';
import { EXTRA_SIZE, INODE, INODE_FIELDS, INODE_SIZE } from './format.ts';

const U32 = 0x1_0000_0000;

/** What an inode says. */
export interface InodeFields {
  /** File type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since the epoch, 34 bits. */
  readonly time: number;
  /** Nanoseconds to add. */
  readonly timeNs: number;
  readonly links: number;
  /** Units of 512 bytes that it occupies, all its blocks counted. */
  readonly sectors: number;
  readonly flags: number;
  /** 60 bytes: extent tree, block numbers, device number or target. */
  readonly block: Uint8Array;
  /** Block of its attributes; 0 for none. */
  readonly xattrBlock: number;
  /** Attributes in the inode. */
  readonly xattrs?: Uint8Array | undefined;
}

/**
 * Encodes an inode (`inodes.rst`). All four times are the same: no other is known.
 *
 * @param bytes - zeros
 * @param at - where it goes
 * @param fields - what it says
 * @param checksum - where the checksum begins
 */
export function encodeInode(bytes: Buffer, at: number, fields: InodeFields, checksum: number): void {
  const { uid, gid, size, time, sectors, xattrBlock } = fields;
  bytes.writeUInt16LE(fields.mode, at + INODE.mode);
  bytes.writeUInt16LE(uid & 0xffff, at + INODE.uid);
  bytes.writeUInt16LE(uid >>> 16, at + INODE.uidHigh);
  bytes.writeUInt16LE(gid & 0xffff, at + INODE.gid);
  bytes.writeUInt16LE(gid >>> 16, at + INODE.gidHigh);
  bytes.writeUInt32LE(size % U32, at + INODE.size);
  bytes.writeUInt32LE(Math.floor(size / U32), at + INODE.sizeHigh);
  bytes.writeUInt16LE(fields.links, at + INODE.links);
  bytes.writeUInt32LE(sectors % U32, at + INODE.blocks);
  bytes.writeUInt16LE(Math.floor(sectors / U32), at + INODE.blocksHigh);
  bytes.writeUInt32LE(fields.flags, at + INODE.flags);
  bytes.set(fields.block, at + INODE.block);
  bytes.writeUInt32LE(xattrBlock % U32, at + INODE.acl);
  bytes.writeUInt16LE(Math.floor(xattrBlock / U32), at + INODE.aclHigh);
  bytes.writeUInt16LE(EXTRA_SIZE, at + INODE.extraSize);
  const low = time | 0;
  // Two bits say how often 2^32 is to be added to the signed low half; the other thirty are nanoseconds.
  const extra = (((time - low) / U32) & 3) + fields.timeNs * 4;
  for (const field of [INODE.atime, INODE.ctime, INODE.mtime, INODE.crtime])
    bytes.writeInt32LE(low, at + field);
  for (const field of [INODE.atimeExtra, INODE.ctimeExtra, INODE.mtimeExtra, INODE.crtimeExtra])
    bytes.writeUInt32LE(extra, at + field);
  if (fields.xattrs !== undefined) bytes.set(fields.xattrs, at + INODE_FIELDS);
  const crc = crc32c(checksum, bytes, at, at + INODE_SIZE);
  bytes.writeUInt16LE(crc & 0xffff, at + INODE.checksum);
  bytes.writeUInt16LE(crc >>> 16, at + INODE.checksumHigh);
}
