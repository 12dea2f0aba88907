import * as crypto from 'node:crypto';

const DIGEST_SIZE = 32;

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
   * @param bytes - any bytes
   * @returns the number that equal bytes got before, or undefined when these have now got the next number
   */
  findOrAdd(bytes: Uint8Array): number | undefined {
    const digest = crypto.hash('sha256', bytes, 'buffer');
    let place = this.#placeOf(digest, 0);
    for (; this.#places[place] !== 0; place = (place + 1) & (this.#places.length - 1)) {
      const entry = (this.#places[place] as number) - 1;
      const from = entry * DIGEST_SIZE;
      if (digest.compare(this.#digests, from, from + DIGEST_SIZE) === 0) return entry;
    }
    if ((this.#count + 1) * DIGEST_SIZE > this.#digests.length) {
      const digests = new Uint8Array(this.#digests.length * 2);
      digests.set(this.#digests);
      this.#digests = digests;
    }
    this.#digests.set(digest, this.#count * DIGEST_SIZE);
    this.#places[place] = ++this.#count;
    if (this.#count * 2 > this.#places.length) this.#rehash();
    return undefined;
  }

  /** Number of distinct byte strings seen. */
  get count(): number {
    return this.#count;
  }

  #placeOf(digests: Uint8Array, from: number): number {
    const low = (digests[from] as number) | ((digests[from + 1] as number) << 8);
    const high = (digests[from + 2] as number) | ((digests[from + 3] as number) << 8);
    return ((high << 16) | low) & (this.#places.length - 1);
  }

  #rehash(): void {
    this.#places = new Uint32Array(this.#places.length * 2);
    for (let entry = 0; entry < this.#count; entry++) {
      let place = this.#placeOf(this.#digests, entry * DIGEST_SIZE);
      while (this.#places[place] !== 0) place = (place + 1) & (this.#places.length - 1);
      this.#places[place] = entry + 1;
    }
  }
}
