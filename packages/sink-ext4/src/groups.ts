import type { Checksums } from './checksums.ts';
import { DESCRIPTOR_SIZE, FIRST_INODE, GD, GROUP_FLAG, ROOT_INODE } from './format.ts';
import type { Geometry } from './geometry.ts';
import type { Placement } from './placement.ts';
import type { PlannedInode } from './tree-plan.ts';

/** What the group descriptors are made of. */
export interface GroupsSetup {
  readonly geometry: Geometry;
  readonly placement: Placement;
  /** Blocks of the filesystem. */
  readonly blocks: number;
  readonly inodes: readonly PlannedInode[];
  readonly checksums: Checksums;
}

/** Group descriptors and bitmaps. */
export interface Groups {
  /** All descriptors, one after the other. */
  readonly descriptors: Buffer;
  /** Bitmaps by block, in the order of their groups; those of groups without anything are left out. */
  readonly bitmaps: readonly { readonly block: number; readonly bytes: Buffer }[];
  readonly freeBlocks: number;
  readonly freeInodes: number;
}

/**
 * Makes group descriptors and bitmaps (`group_descr.rst`, `bitmaps.rst`).
 *
 * @param setup - see {@link GroupsSetup}
 */
export function encodeGroups(setup: GroupsSetup): Groups {
  const { geometry, placement, blocks } = setup;
  const { groups, inodesPerGroup } = placement;
  const inodes = inodesByGroup(setup);
  const descriptors = Buffer.alloc(groups * DESCRIPTOR_SIZE);
  const bitmaps: { block: number; bytes: Buffer }[] = [];
  let freeBlocks = 0;
  let freeInodes = 0;
  for (let group = 0; group < groups; group++) {
    const start = geometry.groupStart(group);
    const length = Math.min(geometry.blocksPerGroup, blocks - start);
    const blockBitmap = encodeBlockBitmap(setup, group, length);
    const used = inodes[group] as GroupInodes;
    const free = length - countBits(blockBitmap, length);
    // The kernel knows what a group holds that nothing was put into; the last one it wants to see.
    const untouched = start >= placement.end && group < groups - 1;
    const flags =
      GROUP_FLAG.tableZeroed |
      (untouched ? GROUP_FLAG.blocksUnused : 0) |
      (used.count === 0 ? GROUP_FLAG.inodesUnused : 0);
    const fields = {
      blockBitmap: placement.blockBitmaps[group] as number,
      inodeBitmap: placement.inodeBitmaps[group] as number,
      inodeTable: placement.tables[group] as number,
      freeBlocks: free,
      freeInodes: inodesPerGroup - used.count,
      directories: used.directories,
      unusedInodes: inodesPerGroup - used.end,
      flags,
      blockChecksum: 0,
      inodeChecksum: 0,
    };
    if (!untouched) {
      bitmaps.push({ block: fields.blockBitmap, bytes: blockBitmap });
      fields.blockChecksum = setup.checksums.ofBitmap(blockBitmap);
    }
    if (used.count > 0) {
      bitmaps.push({ block: fields.inodeBitmap, bytes: used.bitmap });
      fields.inodeChecksum = setup.checksums.ofBitmap(used.bitmap.subarray(0, inodesPerGroup / 8));
    }
    const at = descriptors.subarray(group * DESCRIPTOR_SIZE, (group + 1) * DESCRIPTOR_SIZE);
    encodeDescriptor(at, fields);
    at.writeUInt16LE(setup.checksums.ofGroup(group, at), GD.checksum);
    freeBlocks += free;
    freeInodes += fields.freeInodes;
  }
  return { descriptors, bitmaps, freeBlocks, freeInodes };
}

interface DescriptorFields {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly unusedInodes: number;
  readonly flags: number;
  readonly blockChecksum: number;
  readonly inodeChecksum: number;
}

function encodeDescriptor(at: Buffer, fields: DescriptorFields): void {
  const u64 = (offset: number, value: number): void => {
    at.writeUInt32LE(value % 0x1_0000_0000, offset);
    at.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + GD.high32);
  };
  const u32 = (low: number, high: number, value: number): void => {
    at.writeUInt16LE(value & 0xffff, low);
    at.writeUInt16LE(value >>> 16, high);
  };
  u64(GD.blockBitmap, fields.blockBitmap);
  u64(GD.inodeBitmap, fields.inodeBitmap);
  u64(GD.inodeTable, fields.inodeTable);
  u32(GD.freeBlocks, GD.freeBlocksHigh, fields.freeBlocks);
  u32(GD.freeInodes, GD.freeInodesHigh, fields.freeInodes);
  u32(GD.usedDirectories, GD.usedDirectoriesHigh, fields.directories);
  u32(GD.unusedInodes, GD.unusedInodesHigh, fields.unusedInodes);
  u32(GD.blockBitmapChecksum, GD.blockBitmapChecksumHigh, fields.blockChecksum);
  u32(GD.inodeBitmapChecksum, GD.inodeBitmapChecksumHigh, fields.inodeChecksum);
  at.writeUInt16LE(fields.flags, GD.flags);
}

/** Everything up to the end of what was placed is in use but the gaps; beyond it, copies of the superblock. */
function encodeBlockBitmap({ geometry, placement }: GroupsSetup, group: number, length: number): Buffer {
  const bitmap = Buffer.alloc(geometry.blockSize);
  const start = geometry.groupStart(group);
  const used = placement.end > start ? placement.end - start : geometry.overhead(group);
  setBits(bitmap, 0, Math.min(used, length));
  for (const gap of placement.gaps) {
    const from = Math.max(gap.start - start, 0);
    const to = Math.min(gap.end - start, length);
    if (from < to) clearBits(bitmap, from, to);
  }
  setBits(bitmap, length, 8 * geometry.blockSize);
  return bitmap;
}

interface GroupInodes {
  readonly bitmap: Buffer;
  count: number;
  /** Index after the last one in use. */
  end: number;
  directories: number;
}

function inodesByGroup({ geometry, placement, inodes }: GroupsSetup): GroupInodes[] {
  const { groups, inodesPerGroup } = placement;
  const all = Array.from({ length: groups }, (): GroupInodes => {
    const bitmap = Buffer.alloc(geometry.blockSize);
    setBits(bitmap, inodesPerGroup, 8 * geometry.blockSize);
    return { bitmap, count: 0, end: 0, directories: 0 };
  });
  const use = (number: number, isDirectory: boolean): void => {
    const group = all[Math.floor((number - 1) / inodesPerGroup)] as GroupInodes;
    const index = (number - 1) % inodesPerGroup;
    group.bitmap[index >>> 3] = (group.bitmap[index >>> 3] as number) | (1 << (index & 7));
    group.count++;
    group.end = index + 1;
    if (isDirectory) group.directories++;
  };
  // The reserved ones first; the root is one of them and one of the tree.
  for (let number = 1; number < FIRST_INODE; number++) use(number, number === ROOT_INODE);
  for (const { number, inode } of inodes) if (number !== ROOT_INODE) use(number, inode.type === 'directory');
  return all;
}

function setBits(bitmap: Buffer, from: number, to: number): void {
  fillBits(bitmap, from, to, true);
}

function clearBits(bitmap: Buffer, from: number, to: number): void {
  fillBits(bitmap, from, to, false);
}

function fillBits(bitmap: Buffer, from: number, to: number, value: boolean): void {
  let at = from;
  const one = (bit: number): void => {
    const old = bitmap[bit >>> 3] as number;
    bitmap[bit >>> 3] = value ? old | (1 << (bit & 7)) : old & ~(1 << (bit & 7));
  };
  while (at < to && (at & 7) !== 0) one(at++);
  if (to - at >= 8) {
    bitmap.fill(value ? 0xff : 0, at >>> 3, to >>> 3);
    at = to & ~7;
  }
  while (at < to) one(at++);
}

/** Counts the bits that are set among the first `length`. */
function countBits(bitmap: Buffer, length: number): number {
  let count = 0;
  for (let byte = 0; byte < length >>> 3; byte++) {
    for (let bits = bitmap[byte] as number; bits !== 0; bits &= bits - 1) count++;
  }
  for (let bit = length & ~7; bit < length; bit++) count += ((bitmap[bit >>> 3] as number) >>> (bit & 7)) & 1;
  return count;
}
