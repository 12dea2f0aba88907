import type { ContentRef } from '@ocirender/interface';
import { NULL_ADDRESS } from './format.ts';

/** No tail, or none that is kept apart. */
export const NO_TAIL = -1;

/** Blocks of a content that are side by side in the image, or a hole. */
export interface Run {
  /** First block, or {@link NULL_ADDRESS} for a hole. */
  readonly address: number;
  /** Number of blocks. */
  readonly blocks: number;
}

/** All stored contents, some 30 bytes each: image files can be counted in millions. */
export class ContentTable {
  #count = 0;
  #sizes = new Float64Array(1024);
  #tails = new Float64Array(1024);
  #firstRuns = new Uint32Array(1025);
  #addresses = new Uint32Array(1024);
  #lengths = new Float64Array(1024);
  #runs = 0;

  /** Number of runs of the content that is being written. */
  get openRuns(): number {
    return this.#runs - (this.#firstRuns[this.#count] as number);
  }

  /** The last run of the content that is being written. */
  get lastRun(): Run | undefined {
    return this.openRuns === 0 ? undefined : this.#runAt(this.#runs - 1);
  }

  /** Appends blocks to the content that is being written. */
  addRun(address: number, blocks: number): void {
    const last = this.#runs - 1;
    if (this.openRuns > 0 && this.#follows(last, address)) {
      this.#lengths[last] = (this.#lengths[last] as number) + blocks;
      return;
    }
    if (this.#runs === this.#addresses.length) {
      this.#addresses = grown(this.#addresses, new Uint32Array(this.#runs * 2));
      this.#lengths = grown(this.#lengths, new Float64Array(this.#runs * 2));
    }
    this.#addresses[this.#runs] = address;
    this.#lengths[this.#runs++] = blocks;
  }

  /**
   * Completes the content that is being written.
   *
   * @param size - bytes
   * @param tail - where its tail is kept, or {@link NO_TAIL} when the last run holds it
   */
  close(size: number, tail: number): ContentRef {
    const ref = this.#count++;
    if (this.#count === this.#sizes.length) {
      this.#sizes = grown(this.#sizes, new Float64Array(this.#count * 2));
      this.#tails = grown(this.#tails, new Float64Array(this.#count * 2));
      this.#firstRuns = grown(this.#firstRuns, new Uint32Array(this.#count * 2 + 1));
    }
    this.#sizes[ref] = size;
    this.#tails[ref] = tail;
    this.#firstRuns[this.#count] = this.#runs;
    return ref;
  }

  /** Tells whether a ref was given out. */
  has(ref: ContentRef): boolean {
    return Number.isInteger(ref) && ref >= 0 && ref < this.#count;
  }

  /** Size of a content in bytes. */
  sizeOf(ref: ContentRef): number {
    return this.#sizes[ref] as number;
  }

  /** Where a content's tail is kept, or {@link NO_TAIL}. */
  tailOf(ref: ContentRef): number {
    return this.#tails[ref] as number;
  }

  /** Number of a content's runs. */
  runCount(ref: ContentRef): number {
    return (this.#firstRuns[ref + 1] as number) - (this.#firstRuns[ref] as number);
  }

  /** One run of a content. */
  run(ref: ContentRef, index: number): Run {
    return this.#runAt((this.#firstRuns[ref] as number) + index);
  }

  /** Whether a content is one piece, which an inode can point to; holes need a table. */
  isFlat(ref: ContentRef): boolean {
    const count = this.runCount(ref);
    return count === 0 || (count === 1 && this.run(ref, 0).address !== NULL_ADDRESS);
  }

  #runAt(index: number): Run {
    return { address: this.#addresses[index] as number, blocks: this.#lengths[index] as number };
  }

  #follows(last: number, address: number): boolean {
    const start = this.#addresses[last] as number;
    if (start === NULL_ADDRESS || address === NULL_ADDRESS) return start === address;
    return start + (this.#lengths[last] as number) === address;
  }
}

function grown<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(old: T, next: T): T {
  next.set(old);
  return next;
}
