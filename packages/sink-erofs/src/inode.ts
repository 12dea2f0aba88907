import type { DeviceInode, Inode } from '@ocirender/interface';
import { COMPACT_INODE_SIZE, EXTENDED_INODE_SIZE, FILE_KIND, INODE } from './format.ts';

/** A point in time. */
export interface Time {
  /** Whole seconds since the epoch, rounded down. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/** What an inode holds besides its metadata. */
export interface InodeBody {
  /** Number of names; of a directory 2 and its subdirectories. */
  readonly links: number;
  /** Bytes of contents, listing or target. */
  readonly size: number;
  /** One of `LAYOUT`. */
  readonly layout: number;
  /** First block, chunk format, number of compressed blocks, or device number. */
  readonly union: number;
  /** A number for tools that have 32 bits for it. */
  readonly ino: number;
  /** Bytes of attributes behind the inode. */
  readonly xattrSize: number;
}

/**
 * Tells whether the short form holds an inode.
 *
 * @param inode - its metadata
 * @param links - how many links it has
 * @param size - bytes of contents
 * @param epoch - the superblock's time: the time of all short inodes
 * @returns its size in bytes
 */
export function inodeSize(inode: Inode, links: number, size: number, epoch: Time): number {
  const short =
    inode.mtime === epoch.seconds &&
    inode.mtimeNs === epoch.nanoseconds &&
    inode.uid <= 0xffff &&
    inode.gid <= 0xffff &&
    links <= 0xffff &&
    size <= 0xffff_ffff;
  return short ? COMPACT_INODE_SIZE : EXTENDED_INODE_SIZE;
}

/**
 * Encodes an inode.
 *
 * @param inode - its metadata
 * @param body - the rest
 * @param into - as many bytes as {@link inodeSize} said, zero
 */
export function encodeInode(inode: Inode, body: InodeBody, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  const extended = into.length === EXTENDED_INODE_SIZE;
  view.setUint16(INODE.format, (body.layout << 1) | (extended ? 1 : 0), true);
  // A header of 12 bytes counts as one, each 4 bytes more as one more.
  if (body.xattrSize > 0) view.setUint16(INODE.xattrCount, body.xattrSize / 4 - 2, true);
  view.setUint16(INODE.mode, FILE_KIND[inode.type].mode | (inode.mode & 0o7777), true);
  if (!extended) {
    const at = INODE.compact;
    view.setUint16(at.links, body.links, true);
    view.setUint32(at.size, body.size, true);
    view.setUint32(at.union, body.union, true);
    view.setUint32(at.ino, body.ino, true);
    view.setUint16(at.uid, inode.uid, true);
    view.setUint16(at.gid, inode.gid, true);
    return;
  }
  const at = INODE.extended;
  setU64(view, at.size, body.size);
  view.setUint32(at.union, body.union, true);
  view.setUint32(at.ino, body.ino, true);
  view.setUint32(at.uid, inode.uid, true);
  view.setUint32(at.gid, inode.gid, true);
  setU64(view, at.mtime, inode.mtime);
  view.setUint32(at.mtimeNs, inode.mtimeNs, true);
  view.setUint32(at.links, body.links, true);
}

/**
 * Writes a 64-bit number, in two's complement when it is negative.
 *
 * @param view - where
 * @param at - offset in bytes
 * @param value - a safe integer
 */
export function setU64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  view.setUint32(at, value - high * 0x1_0000_0000, true);
  view.setInt32(at + 4, high, true);
}

/** Encodes a device's numbers as Linux does (`new_encode_dev`). */
export function deviceNumber({ devMajor, devMinor }: DeviceInode): number {
  return ((devMinor & 0xff) | (devMajor << 8) | ((devMinor & 0xf_ff00) << 12)) >>> 0;
}
