import type { ContentRef } from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import { NO_FRAGMENT } from './format.ts';

/** Set in an entry of the word list that stands for a run of zero blocks; the other bits count them. */
const ZERO_RUN = 0x8000_0000;
const MAX_ZERO_RUN = 0x7fff_ffff;

/** Encoded words are handed out in pieces of this many bytes. */
const WORDS_PIECE = 64 * 1024;

/** Where one content's bytes are in the image. */
export interface StoredContent {
  /** Apparent size in bytes. */
  readonly size: number;
  /** Position of its first data block; 0 when it has none. */
  readonly start: number;
  /** Bytes in blocks that are not stored because they are zero. */
  readonly sparse: number;
  /** Index of the fragment block of its tail, or {@link NO_FRAGMENT}. */
  readonly fragment: number;
  /** Offset of its tail in the fragment block. */
  readonly fragmentOffset: number;
  /** Entries of its list of size words; 0 when it has no blocks. */
  readonly words: number;
}

/**
 * All stored contents, some 40 bytes each: image files can be counted in millions.
 *
 * Block size words live in one list. A content's words are appended while its blocks are written, one content
 * after the other; runs of zero blocks take one entry.
 */
export class ContentTable {
  #count = 0;
  #sizes = new Float64Array(1024);
  #starts = new Float64Array(1024);
  #sparse = new Float64Array(1024);
  #firstWords = new Float64Array(1024);
  #wordCounts = new Uint32Array(1024);
  #fragments = new Uint32Array(1024);
  #fragmentOffsets = new Uint32Array(1024);
  #words = new Uint32Array(4096);
  #wordsUsed = 0;
  #wordsOpen = 0;

  /** Number of contents. */
  get count(): number {
    return this.#count;
  }

  /** Makes an entry for a content of `size` bytes whose place is not known yet. */
  add(size: number): ContentRef {
    if (this.#count === this.#sizes.length) this.#grow();
    this.#sizes[this.#count] = size;
    this.#fragments[this.#count] = NO_FRAGMENT;
    return this.#count++;
  }

  /** Says where the tail of a content is. */
  setFragment(ref: ContentRef, fragment: number, offset: number): void {
    this.#fragments[ref] = fragment;
    this.#fragmentOffsets[ref] = offset;
  }

  /** Appends a block's size word to the open list. */
  pushWord(word: number): void {
    if (this.#wordsUsed === this.#words.length) this.#words = doubled(this.#words, Uint32Array);
    this.#words[this.#wordsUsed++] = word;
  }

  /** Appends a run of zero blocks to the open list. */
  pushZeros(blocks: number): void {
    let left = blocks;
    const last = this.#wordsUsed - 1;
    if (last >= this.#wordsOpen && (this.#words[last] as number) >= ZERO_RUN) {
      left += (this.#words[last] as number) - ZERO_RUN;
      this.#wordsUsed = last;
    }
    for (; left > MAX_ZERO_RUN; left -= MAX_ZERO_RUN) this.pushWord(ZERO_RUN + MAX_ZERO_RUN);
    this.pushWord(ZERO_RUN + left);
  }

  /** Gives the open list to a content and opens the next one. */
  close(ref: ContentRef, start: number, sparse: number): void {
    this.#starts[ref] = start;
    this.#sparse[ref] = sparse;
    this.#firstWords[ref] = this.#wordsOpen;
    this.#wordCounts[ref] = this.#wordsUsed - this.#wordsOpen;
    this.#wordsOpen = this.#wordsUsed;
  }

  /** Drops the open list and lets a content share the blocks of an equal one. */
  closeAsDuplicate(ref: ContentRef, original: ContentRef): void {
    this.#wordsUsed = this.#wordsOpen;
    this.#starts[ref] = this.#starts[original] as number;
    this.#sparse[ref] = this.#sparse[original] as number;
    this.#firstWords[ref] = this.#firstWords[original] as number;
    this.#wordCounts[ref] = this.#wordCounts[original] as number;
  }

  /** Tells whether the open list equals a closed content's, whose size must be `size`. */
  openEquals(ref: ContentRef, size: number): boolean {
    const count = this.#wordsUsed - this.#wordsOpen;
    if (this.#sizes[ref] !== size || this.#wordCounts[ref] !== count) return false;
    const first = this.#firstWords[ref] as number;
    for (let i = 0; i < count; i++) {
      if (this.#words[first + i] !== this.#words[this.#wordsOpen + i]) return false;
    }
    return true;
  }

  /** Apparent size of a content in bytes. */
  sizeOf(ref: ContentRef): number {
    return this.#sizes[ref] as number;
  }

  /** Position of a closed content's first block. */
  startOf(ref: ContentRef): number {
    return this.#starts[ref] as number;
  }

  /** Looks a content up; undefined for a ref that was never given out. */
  get(ref: ContentRef): StoredContent | undefined {
    if (!Number.isInteger(ref) || ref < 0 || ref >= this.#count) return undefined;
    return {
      size: this.#sizes[ref] as number,
      start: this.#starts[ref] as number,
      sparse: this.#sparse[ref] as number,
      fragment: this.#fragments[ref] as number,
      fragmentOffset: this.#fragmentOffsets[ref] as number,
      words: this.#wordCounts[ref] as number,
    };
  }

  /**
   * Encodes a content's block size words.
   *
   * @param ref - a closed content
   * @returns the words in order, in pieces of bytes; each is valid until the next one is asked for
   */
  *words(ref: ContentRef): Generator<Uint8Array, void, undefined> {
    const first = this.#firstWords[ref] as number;
    const end = first + (this.#wordCounts[ref] as number);
    const out = new ByteWriter(Math.min(WORDS_PIECE, 4 * (end - first)));
    for (let i = first; i < end; i++) {
      const entry = this.#words[i] as number;
      for (let left = entry >= ZERO_RUN ? entry - ZERO_RUN : 1; left > 0; left--) {
        out.u32(entry >= ZERO_RUN ? 0 : entry);
        if (out.length < WORDS_PIECE) continue;
        yield out.view();
        out.reset();
      }
    }
    if (out.length > 0) yield out.view();
  }

  #grow(): void {
    this.#sizes = doubled(this.#sizes, Float64Array);
    this.#starts = doubled(this.#starts, Float64Array);
    this.#sparse = doubled(this.#sparse, Float64Array);
    this.#firstWords = doubled(this.#firstWords, Float64Array);
    this.#wordCounts = doubled(this.#wordCounts, Uint32Array);
    this.#fragments = doubled(this.#fragments, Uint32Array);
    this.#fragmentOffsets = doubled(this.#fragmentOffsets, Uint32Array);
  }
}

function doubled<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(
  old: T,
  type: new (length: number) => T,
): T {
  const next = new type(old.length * 2);
  next.set(old);
  return next;
}
