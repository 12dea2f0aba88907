import * as crypto from 'node:crypto';

const DIGEST_SIZE = 32;

/** Taken by `hash` as by every other call ("Buffer encoding"); the types of Node 20 leave it out. */
const ONE_CHARACTER_A_BYTE = 'latin1' as crypto.BinaryToTextEncoding;

/**
 * Hashes bytes.
 *
 * @param bytes - any
 * @returns their SHA-256, one character a byte: a buffer would be one more object outside of the heap for each call
 */
export function sha256(bytes: Uint8Array): string {
  return crypto.hash('sha256', bytes, ONE_CHARACTER_A_BYTE);
}

/**
 * Finds equal byte strings by their SHA-256, in about 45 bytes each: a hash table on typed arrays.
 */
export class DigestIndex {
  #count = 0;
  #digests = new Uint8Array(1024 * DIGEST_SIZE);
  /** Entry number + 1 at a place that the digest's first bytes choose; 0 = free. */
  #places = new Uint32Array(2048);

  /**
   * Looks bytes up and remembers them when they are new.
   *
   * @param digest - their {@link sha256}
   * @returns the number that equal bytes got before, or undefined when these have now got the next number
   */
  findOrAdd(digest: string): number | undefined {
    let place = this.#placeOf(
      (digest.charCodeAt(3) << 24) |
        (digest.charCodeAt(2) << 16) |
        (digest.charCodeAt(1) << 8) |
        digest.charCodeAt(0),
    );
    for (; this.#places[place] !== 0; place = (place + 1) & (this.#places.length - 1)) {
      const entry = (this.#places[place] as number) - 1;
      if (this.#isEntry(entry, digest)) return entry;
    }
    if ((this.#count + 1) * DIGEST_SIZE > this.#digests.length) {
      const digests = new Uint8Array(this.#digests.length * 2);
      digests.set(this.#digests);
      this.#digests = digests;
    }
    const from = this.#count * DIGEST_SIZE;
    for (let i = 0; i < DIGEST_SIZE; i++) this.#digests[from + i] = digest.charCodeAt(i);
    this.#places[place] = ++this.#count;
    if (this.#count * 2 > this.#places.length) this.#rehash();
    return undefined;
  }

  /** Number of distinct byte strings seen. */
  get count(): number {
    return this.#count;
  }

  #isEntry(entry: number, digest: string): boolean {
    const from = entry * DIGEST_SIZE;
    for (let i = 0; i < DIGEST_SIZE; i++) if (this.#digests[from + i] !== digest.charCodeAt(i)) return false;
    return true;
  }

  /** The place that a digest's first four bytes choose. */
  #placeOf(head: number): number {
    return head & (this.#places.length - 1);
  }

  #rehash(): void {
    this.#places = new Uint32Array(this.#places.length * 2);
    const view = new DataView(this.#digests.buffer);
    for (let entry = 0; entry < this.#count; entry++) {
      let place = this.#placeOf(view.getInt32(entry * DIGEST_SIZE, true));
      while (this.#places[place] !== 0) place = (place + 1) & (this.#places.length - 1);
      this.#places[place] = entry + 1;
    }
  }
}
