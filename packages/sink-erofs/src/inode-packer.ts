import { SLOT_SIZE } from './format.ts';

/** Where a record is: a block (of those that hold inodes) and the slot in it. */
export interface InodePlace {
  /** Counted from the first metadata block; -1 = the block of the superblock. */
  readonly block: number;
  /** In bytes from the block's start, a multiple of {@link SLOT_SIZE}. */
  readonly offset: number;
}

/** The block that holds the superblock. */
export const HEAD_BLOCK = -1;

/**
 * Packs inodes, with what stands beside them, into blocks: each goes where the least room is left over. Within a block
 * records follow each other in the order in which they came.
 */
export class InodePacker {
  readonly #blockSize: number;
  /** For each number of free slots: blocks that have just so many. */
  readonly #free: number[][];
  #blocks = 0;

  /**
   * @param blockSize - bytes
   * @param headFree - bytes that are free at the end of the superblock's block
   */
  constructor(blockSize: number, headFree: number) {
    this.#blockSize = blockSize;
    this.#free = Array.from({ length: blockSize / SLOT_SIZE + 1 }, () => []);
    this.#setFree(HEAD_BLOCK, Math.floor(headFree / SLOT_SIZE));
  }

  /** Number of blocks used, without that of the superblock. */
  get blocks(): number {
    return this.#blocks;
  }

  /**
   * Finds room for a record.
   *
   * @param size - bytes; more than a block takes blocks of its own, the rest of the last one is used again
   */
  place(size: number): InodePlace {
    const slots = Math.ceil(size / SLOT_SIZE);
    const perBlock = this.#blockSize / SLOT_SIZE;
    if (slots > perBlock) {
      const block = this.#blocks;
      this.#blocks += Math.ceil(slots / perBlock);
      this.#setFree(this.#blocks - 1, this.#blocks * perBlock - block * perBlock - slots);
      return { block, offset: 0 };
    }
    for (let free = slots; free < this.#free.length; free++) {
      const block = this.#free[free]?.pop();
      if (block !== undefined) return this.#take(block, free, slots);
    }
    return this.#take(this.#blocks++, perBlock, slots);
  }

  #take(block: number, free: number, slots: number): InodePlace {
    this.#setFree(block, free - slots);
    return { block, offset: this.#blockSize - free * SLOT_SIZE };
  }

  #setFree(block: number, slots: number): void {
    if (slots > 0) this.#free[slots]?.push(block);
  }
}
