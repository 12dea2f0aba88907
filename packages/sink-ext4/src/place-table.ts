import type { BlockExtent } from './content-table.ts';

/** Where the blocks of an inode are. */
export interface InodePlace {
  /** Its data: directory blocks, a long target; the extents of files are elsewhere. */
  readonly extents: readonly BlockExtent[];
  /** Blocks of its extent tree outside of the inode. */
  readonly tree: readonly number[];
  /** Block of its attributes; 0 for none. */
  readonly xattrBlock: number;
}

const NONE: readonly never[] = [];

/**
 * The places of all inodes, 20 bytes each: there can be millions, and nearly all have one run of blocks or none. The
 * others are kept aside.
 */
export class PlaceTable {
  readonly #firsts: Float64Array;
  readonly #counts: Uint32Array;
  readonly #xattrBlocks: Float64Array;
  readonly #others = new Map<number, Pick<InodePlace, 'extents' | 'tree'>>();

  /** @param inodes - how many there are */
  constructor(inodes: number) {
    this.#firsts = new Float64Array(inodes);
    this.#counts = new Uint32Array(inodes);
    this.#xattrBlocks = new Float64Array(inodes);
  }

  /**
   * @param index - position among the planned inodes
   * @param place - where its blocks are
   */
  set(index: number, { extents, tree, xattrBlock }: InodePlace): void {
    this.#xattrBlocks[index] = xattrBlock;
    const [first] = extents;
    if (tree.length > 0 || extents.length > 1) this.#others.set(index, { extents, tree });
    else if (first !== undefined) {
      this.#firsts[index] = first.physical;
      this.#counts[index] = first.count;
    }
  }

  /**
   * @param index - position among the planned inodes
   * @returns where its blocks are
   */
  get(index: number): InodePlace {
    const xattrBlock = this.#xattrBlocks[index] as number;
    const other = this.#others.get(index);
    if (other !== undefined) return { ...other, xattrBlock };
    const count = this.#counts[index] as number;
    if (count === 0) return { extents: NONE, tree: NONE, xattrBlock };
    return {
      extents: [{ logical: 0, physical: this.#firsts[index] as number, count }],
      tree: NONE,
      xattrBlock,
    };
  }
}
