import { INODE_BLOCK_SIZE } from './format.ts';
import { type Geometry, hasSuperblock } from './geometry.ts';

/** The inode that owns the blocks reserved for more group descriptors, so that nothing else takes them. */
export interface ResizeInode {
  /** Its `i_block`: one doubly indirect block. */
  readonly block: Buffer;
  /** The doubly indirect block: points to the reserved blocks after the primary superblock. */
  readonly pointers: Buffer;
  /** Those reserved blocks: each points to its copies in other groups. */
  readonly reserved: readonly { readonly block: number; readonly bytes: Buffer }[];
  /** Blocks in all. */
  readonly blocks: number;
  /** Bytes. */
  readonly size: number;
}

/**
 * Makes the resize inode (`special_inodes.rst`; the form that e2fsck expects).
 *
 * @param geometry - the layout
 * @param groups - number of groups
 * @param pointerBlock - where {@link ResizeInode.pointers} goes
 */
export function makeResizeInode(geometry: Geometry, groups: number, pointerBlock: number): ResizeInode {
  const { blockSize, blocksPerGroup, firstBlock, descriptorBlocks } = geometry;
  const perBlock = blockSize / 4;
  const inUse = Math.ceil(groups / geometry.descriptorsPerBlock);
  const copies: number[] = [];
  for (let group = 1; group < groups; group++) if (hasSuperblock(group)) copies.push(group);
  const pointers = Buffer.alloc(blockSize);
  const reserved: { block: number; bytes: Buffer }[] = [];
  for (let index = inUse; index < descriptorBlocks; index++) {
    const block = firstBlock + 1 + index;
    const bytes = Buffer.alloc(blockSize);
    for (const [i, group] of copies.entries()) bytes.writeUInt32LE(block + group * blocksPerGroup, 4 * i);
    pointers.writeUInt32LE(block, 4 * (index % perBlock));
    reserved.push({ block, bytes });
  }
  const block = Buffer.alloc(INODE_BLOCK_SIZE);
  block.writeUInt32LE(pointerBlock, 4 * 13);
  return {
    block,
    pointers,
    reserved,
    blocks: 1 + reserved.length * (1 + copies.length),
    size: (12 + perBlock + perBlock * perBlock) * blockSize,
  };
}
