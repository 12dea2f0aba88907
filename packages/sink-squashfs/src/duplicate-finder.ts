import { FingerprintIndex } from '@ocirender/block-pipeline';
import type { ContentRef } from '@ocirender/interface';
import type { ContentTable } from './content-table.ts';

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
  readonly #index = new FingerprintIndex();
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
   * Gives the earlier contents that look like another, oldest first.
   *
   * @param fingerprint - its
   * @param size - its size in bytes
   * @param contents - holds its block words in the open list
   * @returns as a rule an empty list
   */
  candidates(fingerprint: number, size: number, contents: ContentTable): readonly ContentRef[] {
    const found = this.#index.candidates(fingerprint);
    return found.length === 0 ? found : found.filter((ref) => contents.openEquals(ref, size));
  }

  /** Remembers a content, for those that come. */
  remember(fingerprint: number, ref: ContentRef): void {
    this.#index.add(fingerprint, ref);
  }

  /** Fingerprint of the content that ends here. */
  get fingerprint(): number {
    const mixed = Math.imul(this.#a ^ (this.#b >>> 15), 0x85eb_ca6b) ^ this.#b;
    return (mixed ^ (mixed >>> 13)) >>> 0;
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x0100_0193);
    this.#b = (Math.imul((this.#b << 13) | (this.#b >>> 19), 5) + value) | 0;
  }
}
