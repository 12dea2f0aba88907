import type { ByteString } from '@ocirender/interface';
import type { ByteWriter } from './byte-writer.ts';
import type { StoredContent } from './content-table.ts';
import { EXTENDED, INODE_TYPE, LISTING_BIAS, NO_FRAGMENT, NO_XATTR } from './format.ts';

const U32 = 0xffff_ffff;

/** Largest stored listing size of a basic directory in bytes: a 16-bit field. */
const MAX_BASIC_LISTING = 0xffff;

/** What all inodes begin with. */
export interface InodeHead {
  /** Permission bits. */
  readonly mode: number;
  /** Index into the id table. */
  readonly uid: number;
  /** Index into the id table. */
  readonly gid: number;
  /** Seconds since the epoch, 0 to 2^32 - 1. */
  readonly mtime: number;
  /** 1 to the number of inodes. */
  readonly number: number;
  /** Hard links; for a directory 2 and its subdirectories. */
  readonly links: number;
  /** Index into the attribute table or {@link NO_XATTR}. */
  readonly xattr: number;
}

/** One entry of an extended directory's index. */
export interface DirectoryIndexEntry {
  /** Bytes from the listing's start to a header. */
  readonly offset: number;
  /** Stored position of the header's metadata block in the directory table. */
  readonly blockPosition: number;
  /** Name of the first entry below that header. */
  readonly name: ByteString;
}

/** A directory's listing as written. */
export interface Listing {
  /** Stored position of its first metadata block in the directory table. */
  readonly blockPosition: number;
  /** Offset in that block's contents. */
  readonly offset: number;
  /** Bytes, headers included. */
  readonly size: number;
  readonly index: readonly DirectoryIndexEntry[];
}

/** Encodes a directory inode; basic where it can be. */
export function directoryInode(out: ByteWriter, head: InodeHead, listing: Listing, parent: number): void {
  const size = listing.size + LISTING_BIAS;
  if (size <= MAX_BASIC_LISTING && listing.index.length === 0 && head.xattr === NO_XATTR) {
    begin(out, INODE_TYPE.directory, head).u32(listing.blockPosition).u32(head.links);
    out.u16(size).u16(listing.offset).u32(parent);
    return;
  }
  begin(out, INODE_TYPE.directory + EXTENDED, head)
    .u32(head.links)
    .u32(size)
    .u32(listing.blockPosition);
  out.u32(parent).u16(listing.index.length).u16(listing.offset).u32(head.xattr);
  for (const { offset, blockPosition, name } of listing.index) {
    out
      .u32(offset)
      .u32(blockPosition)
      .u32(name.length - 1)
      .string(name);
  }
}

/**
 * Encodes a regular file's inode without its list of block size words, which the caller appends.
 *
 * @param content - undefined for an empty file
 */
export function fileInode(out: ByteWriter, head: InodeHead, content: StoredContent | undefined): void {
  const { size, start, sparse, fragment, fragmentOffset } = content ?? EMPTY;
  if (head.links === 1 && head.xattr === NO_XATTR && sparse === 0 && size <= U32 && start <= U32) {
    begin(out, INODE_TYPE.file, head).u32(start).u32(fragment).u32(fragmentOffset).u32(size);
    return;
  }
  // The kernel counts a file's blocks from size - sparse; old ones underflow at 0.
  const saved = Math.min(sparse, Math.max(0, size - 1));
  begin(out, INODE_TYPE.file + EXTENDED, head)
    .u64(start)
    .u64(size)
    .u64(saved);
  out.u32(head.links).u32(fragment).u32(fragmentOffset).u32(head.xattr);
}

/** Encodes a symbolic link's inode. */
export function symlinkInode(out: ByteWriter, head: InodeHead, target: ByteString): void {
  const extended = head.xattr !== NO_XATTR;
  begin(out, INODE_TYPE.symlink + (extended ? EXTENDED : 0), head);
  out.u32(head.links).u32(target.length).string(target);
  if (extended) out.u32(head.xattr);
}

/** Encodes a device's inode. The number is in the kernel's 32-bit form: 12 bits major, 20 bits minor. */
export function deviceInode(
  out: ByteWriter,
  head: InodeHead,
  type: 'character-device' | 'block-device',
  major: number,
  minor: number,
): void {
  const extended = head.xattr !== NO_XATTR;
  begin(out, INODE_TYPE[type] + (extended ? EXTENDED : 0), head);
  out.u32(head.links).u32(((minor & 0xff) | (major << 8) | ((minor & 0xf_ff00) << 12)) >>> 0);
  if (extended) out.u32(head.xattr);
}

/** Encodes a FIFO's or socket's inode. */
export function specialInode(out: ByteWriter, head: InodeHead, type: 'fifo' | 'socket'): void {
  const extended = head.xattr !== NO_XATTR;
  begin(out, INODE_TYPE[type] + (extended ? EXTENDED : 0), head).u32(head.links);
  if (extended) out.u32(head.xattr);
}

const EMPTY: StoredContent = {
  size: 0,
  start: 0,
  sparse: 0,
  fragment: NO_FRAGMENT,
  fragmentOffset: 0,
  words: 0,
};

function begin(out: ByteWriter, type: number, head: InodeHead): ByteWriter {
  return out.reset().u16(type).u16(head.mode).u16(head.uid).u16(head.gid).u32(head.mtime).u32(head.number);
}
