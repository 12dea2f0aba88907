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

/** Bytes of a content that are compressed together. */
export interface CompressedExtent {
  /** Bytes of the content. */
  readonly length: number;
  /** First block. */
  readonly address: number;
  /** Number of blocks; 0 = one block that holds the bytes as they are. */
  readonly blocks: number;
}

/**
 * All stored contents, some 30 bytes each: image files can be counted in millions. A content's runs, or its compressed
 * extents, are appended while it is written, one content after the other.
 */
export class ContentTable {
  #count = 0;
  #sizes = new Float64Array(1024);
  #tails = new Float64Array(1024);
  #firsts = new Uint32Array(1024);
  #parts = new Uint32Array(1024);
  #compressed = new Uint8Array(1024);
  #addresses = new Uint32Array(1024);
  #lengths = new Float64Array(1024);
  #runs = 0;
  #closedRuns = 0;
  #extents = new Uint32Array(3 * 1024);
  #extentCount = 0;
  #closedExtents = 0;

  /** Number of runs of the content that is being written. */
  get openRuns(): number {
    return this.#runs - this.#closedRuns;
  }

  /** Number of compressed extents of the content that is being written. */
  get openExtents(): number {
    return this.#extentCount - this.#closedExtents;
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

  /** Appends a compressed extent to the content that is being written. */
  addExtent(length: number, address: number, blocks: number): void {
    const at = 3 * this.#extentCount++;
    if (at === this.#extents.length) this.#extents = grown(this.#extents, new Uint32Array(at * 2));
    this.#extents[at] = length;
    this.#extents[at + 1] = address;
    this.#extents[at + 2] = blocks;
  }

  /** Makes an entry for a content of `size` bytes whose place is not known yet. */
  open(size: number): ContentRef {
    const ref = this.#count++;
    if (ref === this.#sizes.length) {
      this.#sizes = grown(this.#sizes, new Float64Array(ref * 2));
      this.#tails = grown(this.#tails, new Float64Array(ref * 2));
      this.#firsts = grown(this.#firsts, new Uint32Array(ref * 2));
      this.#parts = grown(this.#parts, new Uint32Array(ref * 2));
      this.#compressed = grown(this.#compressed, new Uint8Array(ref * 2));
    }
    this.#sizes[ref] = size;
    return ref;
  }

  /**
   * Gives what was appended last to a content.
   *
   * @param ref - from {@link open}
   * @param tail - where its tail is kept, or {@link NO_TAIL} when the last run holds it
   */
  close(ref: ContentRef, tail: number): ContentRef {
    this.#tails[ref] = tail;
    this.#firsts[ref] = this.#closedRuns;
    this.#parts[ref] = this.openRuns;
    this.#closedRuns = this.#runs;
    return ref;
  }

  /** Gives the compressed extents that were appended last to a content. */
  closeCompressed(ref: ContentRef): void {
    this.#compressed[ref] = 1;
    this.#tails[ref] = NO_TAIL;
    this.#firsts[ref] = this.#closedExtents;
    this.#parts[ref] = this.openExtents;
    this.#closedExtents = this.#extentCount;
  }

  /** Whether a content has compressed extents instead of runs. */
  isCompressed(ref: ContentRef): boolean {
    return this.#compressed[ref] === 1;
  }

  /** The compressed extents of a content in order. */
  *extents(ref: ContentRef): Generator<CompressedExtent> {
    const first = this.#firsts[ref] as number;
    const end = first + (this.#parts[ref] as number);
    for (let at = 3 * first; at < 3 * end; at += 3) {
      const [length = 0, address = 0, blocks = 0] = this.#extents.subarray(at, at + 3);
      yield { length, address, blocks };
    }
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
    return this.#parts[ref] as number;
  }

  /** One run of a content. */
  run(ref: ContentRef, index: number): Run {
    return this.#runAt((this.#firsts[ref] as number) + index);
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

function grown<T extends Float64Array | Uint32Array | Uint8Array>(old: T, next: T): T {
  next.set(old);
  return next;
}
