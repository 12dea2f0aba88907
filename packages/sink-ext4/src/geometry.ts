import { DESCRIPTOR_SIZE, SUPERBLOCK_OFFSET } from './format.ts';

/** Bytes kept free after each superblock for group descriptors, so that the filesystem can grow while mounted. */
const DESCRIPTOR_ROOM = 128 * 1024;

/** A run of blocks that are nobody's by the layout: from the first to before the last. */
export interface BlockRun {
  readonly start: number;
  readonly end: number;
}

/**
 * What is where by arithmetic alone: groups, copies of the superblock, room for group descriptors
 * (kernel `Documentation/filesystems/ext4/blockgroup.rst`). Fixed before the first content arrives; how many
 * groups there will be is not.
 */
export class Geometry {
  /** Bytes: 1024, 2048 or 4096. */
  readonly blockSize: number;
  readonly blocksPerGroup: number;
  /** Block of the superblock: 1 with blocks of 1024 bytes, else 0. */
  readonly firstBlock: number;
  /** Group descriptors in a block. */
  readonly descriptorsPerBlock: number;
  /** Blocks for group descriptors, used or not, that follow each copy of the superblock. */
  readonly descriptorBlocks: number;

  /**
   * @param blockSize - bytes
   * @param descriptorBlocks - see {@link Geometry.descriptorBlocks}; @defaultValue those of 128 KiB
   */
  constructor(blockSize: number, descriptorBlocks: number = DESCRIPTOR_ROOM / blockSize) {
    this.blockSize = blockSize;
    this.blocksPerGroup = 8 * blockSize;
    this.firstBlock = blockSize > SUPERBLOCK_OFFSET ? 0 : 1;
    this.descriptorsPerBlock = blockSize / DESCRIPTOR_SIZE;
    this.descriptorBlocks = descriptorBlocks;
  }

  /** Groups whose descriptors fit into the room after the superblock; with more, `meta_bg` places them. */
  get classicGroups(): number {
    return this.descriptorBlocks * this.descriptorsPerBlock;
  }

  /** Number of groups of a filesystem of so many blocks. */
  groupCount(blocks: number): number {
    return Math.max(1, Math.ceil((blocks - this.firstBlock) / this.blocksPerGroup));
  }

  /** First block of a group. */
  groupStart(group: number): number {
    return this.firstBlock + group * this.blocksPerGroup;
  }

  /** Blocks at the start of a group that belong to the superblock's copy and to group descriptors. */
  overhead(group: number): number {
    const copy = hasSuperblock(group);
    if (group < this.classicGroups) return copy ? 1 + this.descriptorBlocks : 0;
    return (copy ? 1 : 0) + (this.hasMetaDescriptors(group) ? 1 : 0);
  }

  /** Whether a group beyond {@link classicGroups} holds a block of descriptors: first, second, last of each set. */
  hasMetaDescriptors(group: number): boolean {
    const at = group % this.descriptorsPerBlock;
    return at <= 1 || at === this.descriptorsPerBlock - 1;
  }

  /**
   * Finds the next run of blocks that are free by the layout.
   *
   * @param from - where to look
   * @returns the run, from `from` or later to before the next group that begins with something
   */
  nextRun(from: number): BlockRun {
    let group = Math.floor((from - this.firstBlock) / this.blocksPerGroup);
    let start = Math.max(from, this.groupStart(group) + this.overhead(group));
    while (start >= this.groupStart(group + 1)) {
      group++;
      start = Math.max(start, this.groupStart(group) + this.overhead(group));
    }
    do group++;
    while (this.overhead(group) === 0);
    return { start, end: this.groupStart(group) };
  }
}

/**
 * Tells whether a group holds a copy of the superblock (`sparse_super`): 0, 1 and the powers of 3, 5 and 7.
 *
 * @param group - its number
 */
export function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  return isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
}

function isPower(number: number, base: number): boolean {
  let power = base;
  while (power < number) power *= base;
  return power === number;
}
