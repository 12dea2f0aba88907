import { crc32c } from '@ocirender/image-file';
import type { BlockExtent } from './content-table.ts';
import {
  EXTENT_MAGIC,
  EXTENT_SIZE,
  EXTENTS_IN_INODE,
  INODE_BLOCK_SIZE,
  MAX_EXTENT_BLOCKS,
} from './format.ts';

/** A block of an extent tree, ready to be written. */
export interface TreeBlock {
  readonly block: number;
  readonly bytes: Buffer;
}

/** An entry of any level: where its logical blocks begin, and the block of the level below. */
interface Branch {
  readonly logical: number;
  readonly block: number;
}

/** Entries that fit into a block of a tree; its checksum follows them. */
function entriesPerBlock(blockSize: number): number {
  return Math.floor((blockSize - EXTENT_SIZE) / EXTENT_SIZE);
}

/** Cuts extents to the length that one entry can have. */
function cut(extents: readonly BlockExtent[]): readonly BlockExtent[] {
  if (extents.every(({ count }) => count <= MAX_EXTENT_BLOCKS)) return extents;
  const pieces: BlockExtent[] = [];
  for (const { logical, physical, count } of extents) {
    for (let done = 0; done < count; done += MAX_EXTENT_BLOCKS) {
      const length = Math.min(count - done, MAX_EXTENT_BLOCKS);
      pieces.push({ logical: logical + done, physical: physical + done, count: length });
    }
  }
  return pieces;
}

/**
 * Counts the blocks that the tree of these extents takes outside of the inode.
 *
 * @param extents - in the order of the file
 * @param blockSize - bytes
 */
export function treeBlockCount(extents: readonly BlockExtent[], blockSize: number): number {
  const perBlock = entriesPerBlock(blockSize);
  let blocks = 0;
  for (let entries = cut(extents).length; entries > EXTENTS_IN_INODE; ) {
    entries = Math.ceil(entries / perBlock);
    blocks += entries;
  }
  return blocks;
}

/**
 * Encodes an extent tree (`ifork.rst`, "Extent Tree").
 *
 * @param extents - in the order of the file
 * @param blocks - the blocks for it, as many as {@link treeBlockCount} says
 * @param blockSize - bytes
 * @param checksum - where the checksums of the inode's blocks begin
 * @returns the 60 bytes in the inode, and the blocks
 */
export function encodeExtentTree(
  extents: readonly BlockExtent[],
  blocks: readonly number[],
  blockSize: number,
  checksum: number,
): { root: Buffer; nodes: TreeBlock[] } {
  const perBlock = entriesPerBlock(blockSize);
  const nodes: TreeBlock[] = [];
  const leaves = cut(extents);
  let depth = 0;
  let write = (bytes: Buffer, from: number, to: number): void => writeExtents(bytes, leaves.slice(from, to));
  let starts: readonly { readonly logical: number }[] = leaves;
  while (starts.length > EXTENTS_IN_INODE) {
    const branches: Branch[] = [];
    for (let from = 0; from < starts.length; from += perBlock) {
      const block = blocks[nodes.length] as number;
      const bytes = Buffer.alloc(blockSize);
      const to = Math.min(from + perBlock, starts.length);
      writeHeader(bytes, to - from, perBlock, depth);
      write(bytes, from, to);
      const tail = EXTENT_SIZE * (1 + perBlock);
      bytes.writeUInt32LE(crc32c(checksum, bytes, 0, tail), tail);
      nodes.push({ block, bytes });
      branches.push({ logical: (starts[from] as { logical: number }).logical, block });
    }
    depth++;
    starts = branches;
    write = (bytes, from, to) => writeBranches(bytes, branches.slice(from, to));
  }
  const root = Buffer.alloc(INODE_BLOCK_SIZE);
  writeHeader(root, starts.length, EXTENTS_IN_INODE, depth);
  write(root, 0, starts.length);
  return { root, nodes };
}

function writeHeader(bytes: Buffer, entries: number, max: number, depth: number): void {
  bytes.writeUInt16LE(EXTENT_MAGIC, 0);
  bytes.writeUInt16LE(entries, 2);
  bytes.writeUInt16LE(max, 4);
  bytes.writeUInt16LE(depth, 6);
}

function writeExtents(bytes: Buffer, extents: readonly BlockExtent[]): void {
  for (const [i, { logical, physical, count }] of extents.entries()) {
    const at = EXTENT_SIZE * (1 + i);
    bytes.writeUInt32LE(logical, at);
    bytes.writeUInt16LE(count, at + 4);
    bytes.writeUInt16LE(Math.floor(physical / 0x1_0000_0000), at + 6);
    bytes.writeUInt32LE(physical % 0x1_0000_0000, at + 8);
  }
}

function writeBranches(bytes: Buffer, branches: readonly Branch[]): void {
  for (const [i, { logical, block }] of branches.entries()) {
    const at = EXTENT_SIZE * (1 + i);
    bytes.writeUInt32LE(logical, at);
    bytes.writeUInt32LE(block % 0x1_0000_0000, at + 4);
    bytes.writeUInt16LE(Math.floor(block / 0x1_0000_0000), at + 8);
  }
}
