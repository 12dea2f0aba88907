import * as crypto from 'node:crypto';

/** Words of a digest. */
export const DIGEST_WORDS = 8;

/** Taken by `hash` as by every other call ("Buffer encoding"); the types of Node 20 leave it out. */
const ONE_CHARACTER_A_BYTE = 'latin1' as crypto.BinaryToTextEncoding;

/**
 * Hashes bytes.
 *
 * @param bytes - any
 * @param words - gets their SHA-256: eight little-endian words
 */
export function sha256(bytes: Uint8Array, words: Uint32Array): void {
  // A string of one character a byte: a buffer would be one more object outside of the heap for each call.
  const digest = crypto.hash('sha256', bytes, ONE_CHARACTER_A_BYTE);
  for (let i = 0; i < DIGEST_WORDS; i++) {
    words[i] =
      digest.charCodeAt(4 * i) |
      (digest.charCodeAt(4 * i + 1) << 8) |
      (digest.charCodeAt(4 * i + 2) << 16) |
      (digest.charCodeAt(4 * i + 3) << 24);
  }
}

/**
 * Finds equal byte strings by their SHA-256, in about 45 bytes each: a hash table on typed arrays.
 */
export class DigestIndex {
  #count = 0;
  #digests = new Uint32Array(1024 * DIGEST_WORDS);
  /** Entry number + 1 at a place that the digest's first word chooses; 0 = free. */
  #places = new Uint32Array(2048);

  /**
   * Looks bytes up and remembers them when they are new.
   *
   * @param words - hold their {@link sha256}
   * @param at - where it begins
   * @returns the number that equal bytes got before, or undefined when these have now got the next number
   */
  findOrAdd(words: Uint32Array, at: number): number | undefined {
    const mask = this.#places.length - 1;
    let place = (words[at] as number) & mask;
    for (; this.#places[place] !== 0; place = (place + 1) & mask) {
      const entry = (this.#places[place] as number) - 1;
      if (this.#isEntry(entry, words, at)) return entry;
    }
    if ((this.#count + 1) * DIGEST_WORDS > this.#digests.length) {
      const digests = new Uint32Array(this.#digests.length * 2);
      digests.set(this.#digests);
      this.#digests = digests;
    }
    const from = this.#count * DIGEST_WORDS;
    for (let i = 0; i < DIGEST_WORDS; i++) this.#digests[from + i] = words[at + i] as number;
    this.#places[place] = ++this.#count;
    if (this.#count * 2 > this.#places.length) this.#rehash();
    return undefined;
  }

  /** Number of distinct byte strings seen. */
  get count(): number {
    return this.#count;
  }

  #isEntry(entry: number, words: Uint32Array, at: number): boolean {
    const from = entry * DIGEST_WORDS;
    for (let i = 0; i < DIGEST_WORDS; i++) if (this.#digests[from + i] !== words[at + i]) return false;
    return true;
  }

  #rehash(): void {
    const places = new Uint32Array(this.#places.length * 2);
    const mask = places.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      let place = (this.#digests[entry * DIGEST_WORDS] as number) & mask;
      while (places[place] !== 0) place = (place + 1) & mask;
      places[place] = entry + 1;
    }
    this.#places = places;
  }
}
