import { OcirenderError } from '@ocirender/interface';
import { INODE_SIZE } from './format.ts';
import type { Geometry } from './geometry.ts';

/** A number of bytes, or a percentage of something. */
export type Amount = { readonly bytes: number } | { readonly percent: number };

/** How large the filesystem is to be. */
export interface SizeWishes {
  /** Bytes of the whole file; undefined: as small as it goes, and `free`. */
  readonly size?: number | undefined;
  /** Free room: bytes, or a percentage of what the tree takes. */
  readonly free: Amount;
  /** The fewest inodes. */
  readonly inodes?: number | undefined;
  /** Bytes of the filesystem for which there is to be an inode. */
  readonly inodeRatio?: number | undefined;
}

/** Free bytes for which there is an inode unless something else is asked for; that of mke2fs. */
const DEFAULT_RATIO = 16_384;

/** Bytes of a whole group for which there is an inode at least, since groups added later have as many. */
const GROWTH_RATIO = 131_072;

/** A group that nothing but the end of the filesystem cuts short has at least so many blocks of its own. */
const SHORT_GROUP = 50;

/** How a tree fits into a number of groups. */
export interface Fit {
  readonly groups: number;
  readonly inodesPerGroup: number;
  /** The block after the last one in use. */
  readonly end: number;
}

/** Blocks of the filesystem and how the tree fits. */
export interface Sizing<F extends Fit> {
  readonly blocks: number;
  readonly fit: F;
}

/**
 * Chooses the numbers of blocks, groups and inodes.
 *
 * @param geometry - the layout
 * @param wishes - what was asked for
 * @param usedInodes - the highest inode number in use
 * @param place - places everything for so many groups and inodes
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_EXT4_TOO_SMALL` when the size that was asked for does not do
 */
export function chooseSize<F extends Fit>(
  geometry: Geometry,
  wishes: SizeWishes,
  usedInodes: number,
  place: (groups: number, inodesPerGroup: number) => F,
): Sizing<F> {
  const chooser = new Chooser(geometry, wishes, usedInodes, place);
  if (wishes.size !== undefined) return chooser.fixed(wishes.size);
  const smallest = chooser.smallest();
  const used = smallest.blocks * geometry.blockSize;
  const free = 'bytes' in wishes.free ? wishes.free.bytes : (used * wishes.free.percent) / 100;
  return free === 0 ? smallest : chooser.withFree(smallest.blocks, Math.ceil(free / geometry.blockSize));
}

class Chooser<F extends Fit> {
  readonly #geometry: Geometry;
  readonly #wishes: SizeWishes;
  readonly #usedInodes: number;
  readonly #place: (groups: number, inodesPerGroup: number) => F;

  constructor(
    geometry: Geometry,
    wishes: SizeWishes,
    usedInodes: number,
    place: (groups: number, inodesPerGroup: number) => F,
  ) {
    this.#geometry = geometry;
    this.#wishes = wishes;
    this.#usedInodes = usedInodes;
    this.#place = place;
  }

  /** The fewest blocks that hold everything. */
  smallest(): Sizing<F> {
    let groups = 1;
    let blocks = 0;
    for (;;) {
      const needed = Math.max(this.#usedInodes, this.#wishedInodes(blocks));
      groups = Math.max(groups, Math.ceil(needed / this.#maxInodes));
      const fit = this.#place(groups, this.#inodesPerGroup(groups, needed));
      const wanted = this.#geometry.groupCount(fit.end);
      blocks = Math.max(fit.end, this.#leastBlocks(groups));
      if (wanted <= groups && this.#wishedInodes(blocks) <= groups * fit.inodesPerGroup)
        return { blocks, fit };
      groups = Math.max(groups, wanted);
    }
  }

  /** A file of so many bytes. */
  fixed(size: number): Sizing<F> {
    const blocks = Math.floor(size / this.#geometry.blockSize);
    const sizing = this.#fitInto(blocks);
    if (sizing !== undefined) return sizing;
    const { blockSize } = this.#geometry;
    const least = this.#leastSize(blocks) * blockSize;
    throw new OcirenderError(
      'ERR_OCIRENDER_SINK_EXT4_TOO_SMALL',
      `the tree needs ${least} bytes (${Math.ceil(least / 2 ** 20)} MiB), and the filesystem was to have ${size}`,
      { hint: `Ask for a size of at least ${Math.ceil(least / 2 ** 20)}M, or for none.` },
    );
  }

  /** What the tree needs, and so many free blocks. */
  withFree(used: number, free: number): Sizing<F> {
    let blocks = used + free;
    for (;;) {
      const sizing = this.#fitInto(blocks);
      const missing = sizing === undefined ? free : free - this.#freeBlocks(sizing);
      if (sizing !== undefined && missing <= 0) return sizing;
      blocks += missing;
    }
  }

  /** More inodes than needed take room too: as many as the free blocks ask for, or else the fewest. */
  #fitInto(wanted: number): Sizing<F> | undefined {
    const blocks = this.#withoutShortGroup(wanted);
    if (blocks <= this.#geometry.firstBlock) return undefined;
    const groups = this.#geometry.groupCount(blocks);
    const wished = this.#wishedInodes(blocks);
    const needed = Math.max(this.#usedInodes, wished);
    if (needed > groups * this.#maxInodes) return undefined;
    const fewest = this.#place(groups, this.#inodesPerGroup(groups, needed));
    if (fewest.end > blocks) return undefined;
    if (wished > 0) return { blocks, fit: fewest };
    const free = (blocks - fewest.end) * this.#geometry.blockSize;
    const ample = Math.min(needed + Math.floor(free / DEFAULT_RATIO), groups * this.#maxInodes);
    const fit = this.#place(groups, this.#inodesPerGroup(groups, ample));
    return { blocks, fit: fit.end > blocks ? fewest : fit };
  }

  /** The size that an error names: one that would do. */
  #leastSize(tried: number): number {
    let blocks = Math.max(this.smallest().blocks, tried + 1);
    while (this.#fitInto(blocks) === undefined) blocks += Math.ceil(blocks / 64);
    return blocks;
  }

  #freeBlocks({ blocks, fit }: Sizing<F>): number {
    let free = blocks - fit.end;
    for (let group = this.#geometry.groupCount(fit.end); group < fit.groups; group++)
      free -= this.#geometry.overhead(group);
    return free;
  }

  /** Leaves a last group out that could hold next to nothing. */
  #withoutShortGroup(blocks: number): number {
    const group = this.#geometry.groupCount(blocks) - 1;
    const start = this.#geometry.groupStart(group);
    const isShort = group > 0 && blocks - start < this.#geometry.overhead(group) + SHORT_GROUP;
    return isShort ? start : blocks;
  }

  /** Blocks without which there would be fewer groups. */
  #leastBlocks(groups: number): number {
    return this.#geometry.groupStart(groups - 1) + this.#geometry.overhead(groups - 1) + 1;
  }

  #wishedInodes(blocks: number): number {
    const { inodes, inodeRatio } = this.#wishes;
    if (inodes !== undefined) return inodes;
    return inodeRatio === undefined ? 0 : Math.ceil((blocks * this.#geometry.blockSize) / inodeRatio);
  }

  get #maxInodes(): number {
    return 8 * this.#geometry.blockSize;
  }

  /** Whole blocks of inodes, and whole bytes of bitmap. */
  #inodesPerGroup(groups: number, needed: number): number {
    const { blockSize, blocksPerGroup } = this.#geometry;
    const least = this.#wishes.inodes === undefined ? (blocksPerGroup * blockSize) / GROWTH_RATIO : 0;
    const step = Math.max(8, blockSize / INODE_SIZE);
    const perGroup = Math.ceil(Math.max(needed / groups, least, 1) / step) * step;
    return Math.min(perGroup, this.#maxInodes);
  }
}
