import type { ContentRef } from '@ocirender/interface';
import type { ContentTable } from './content-table.ts';

/** Earlier contents with the same fingerprint that are looked at: bounds the work on crafted input. */
const MAX_CANDIDATES = 8;

/** Bytes of a stored block that enter its fingerprint. */
const SAMPLES = 16;

/**
 * Finds earlier contents that may be equal to the one just written.
 *
 * The fingerprint is taken from the stored (compressed) blocks: their sizes and a few of their bytes. Equal
 * contents have equal blocks, as compression is deterministic; whether a candidate is really equal must be
 * settled by comparing bytes. This costs next to nothing, where a strong hash of all data would cost a core
 * for each 1.4 GB/s.
 */
export class DuplicateFinder {
  readonly #latest = new Map<number, ContentRef>();
  /** For a ref: the ref before it of the same fingerprint. */
  readonly #earlier = new Map<ContentRef, ContentRef>();
  #a = 0;
  #b = 0;
  #zeros = 0;

  /** Begins a content. */
  begin(): void {
    this.#a = 0x811c9dc5;
    this.#b = 0x1b873593;
    this.#zeros = 0;
  }

  /** Takes zero blocks. However a run of them is cut, the fingerprint is the same. */
  addZeros(blocks: number): void {
    this.#zeros += blocks;
  }

  /** Takes a stored block: bytes `from` to `to` of `data`. */
  addBlock(word: number, data: Uint8Array, from: number, to: number): void {
    this.#mix(this.#zeros);
    this.#zeros = 0;
    this.#mix(word);
    const step = Math.max(1, Math.floor((to - from) / SAMPLES));
    for (let at = to - 1; at >= from; at -= step) this.#mix(data[at] as number);
  }

  /**
   * Gives the earlier contents that look like the one that ends here, newest first.
   *
   * @param size - its size in bytes
   * @param contents - holds its block words in the open list
   * @returns as a rule an empty list
   */
  candidates(size: number, contents: ContentTable): ContentRef[] {
    const found: ContentRef[] = [];
    let candidate = this.#latest.get(this.#key());
    for (let tried = 0; candidate !== undefined && tried < MAX_CANDIDATES; tried++) {
      if (contents.openEquals(candidate, size)) found.push(candidate);
      candidate = this.#earlier.get(candidate);
    }
    return found;
  }

  /** Remembers the content that ends here, for those that come. */
  remember(ref: ContentRef): void {
    const key = this.#key();
    const latest = this.#latest.get(key);
    if (latest !== undefined) this.#earlier.set(ref, latest);
    this.#latest.set(key, ref);
  }

  #key(): number {
    return (this.#a >>> 0) * 0x20_0000 + (this.#b >>> 11);
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x0100_0193);
    this.#b = (Math.imul((this.#b << 13) | (this.#b >>> 19), 5) + value) | 0;
  }
}
