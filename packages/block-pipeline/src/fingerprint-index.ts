/** Earlier pieces with the same fingerprint that are looked at: bounds the work on crafted input. */
const MAX_CANDIDATES = 8;

/**
 * Finds earlier pieces of data that may be equal to a new one: a hash table on typed arrays, 12 to 24 bytes a piece.
 *
 * A fingerprint is taken from some of a piece's bytes; whether a candidate is really equal must be settled by comparing
 * all of them. This costs next to nothing, where a strong hash of all data would cost a core for each 1.4 GB/s.
 */
export class FingerprintIndex {
  #fingerprints = new Uint32Array(2048);
  /** Value + 1 of the piece at a place; 0 = free. */
  #values = new Uint32Array(2048);
  #count = 0;

  /**
   * Gives earlier pieces that look like one.
   *
   * @param fingerprint - 32 bits, well mixed
   * @returns their values, oldest first
   */
  candidates(fingerprint: number): readonly number[] {
    const mask = this.#values.length - 1;
    let found: number[] | undefined;
    for (let place = fingerprint & mask; this.#values[place] !== 0; place = (place + 1) & mask) {
      if (this.#fingerprints[place] !== fingerprint) continue;
      found ??= [];
      found.push((this.#values[place] as number) - 1);
      if (found.length === MAX_CANDIDATES) break;
    }
    return found ?? NONE;
  }

  /**
   * Remembers a piece. A full set of candidates stays as it is: one more would never be looked at.
   *
   * @param fingerprint - as for {@link candidates}
   * @param value - what stands for it, below 2^32 - 1
   */
  add(fingerprint: number, value: number): void {
    const mask = this.#values.length - 1;
    let place = fingerprint & mask;
    for (let same = 0; this.#values[place] !== 0; place = (place + 1) & mask) {
      if (this.#fingerprints[place] === fingerprint && ++same === MAX_CANDIDATES) return;
    }
    this.#fingerprints[place] = fingerprint;
    this.#values[place] = value + 1;
    if (++this.#count * 2 > this.#values.length) this.#grow();
  }

  #grow(): void {
    const [fingerprints, values] = [this.#fingerprints, this.#values];
    const size = values.length * 2;
    this.#fingerprints = new Uint32Array(size);
    this.#values = new Uint32Array(size);
    for (const [old, value] of values.entries()) {
      if (value === 0) continue;
      const fingerprint = fingerprints[old] as number;
      let place = fingerprint & (size - 1);
      while (this.#values[place] !== 0) place = (place + 1) & (size - 1);
      this.#fingerprints[place] = fingerprint;
      this.#values[place] = value;
    }
  }
}

const NONE: readonly number[] = [];
