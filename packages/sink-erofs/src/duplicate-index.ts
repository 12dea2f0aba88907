/** Earlier pieces with the same fingerprint that are looked at: bounds the work on crafted input. */
const MAX_CANDIDATES = 8;
/** Bytes of a piece that enter its fingerprint. */
const SAMPLES = 256;

/**
 * Finds earlier pieces of data that may be equal to a new one: a hash table on typed arrays, 12 bytes a piece.
 *
 * The fingerprint is taken from some of the bytes; whether a candidate is really equal must be settled by comparing
 * all of them. This costs next to nothing, where a strong hash of all data would cost a core for each 1.4 GB/s.
 */
export class DuplicateIndex {
  #fingerprints = new Uint32Array(2048);
  /** Block address + 1 of the piece at a place; 0 = free. Addresses stop short of what 32 bits hold. */
  #addresses = new Uint32Array(2048);
  #count = 0;

  /**
   * Looks a piece up, and remembers it when it is new.
   *
   * @param bytes - the piece
   * @param address - the block at which it is now
   * @param equals - tells whether the piece at an earlier block is the same
   * @returns the block of an equal earlier piece
   */
  findOrAdd(bytes: Uint8Array, address: number, equals: (address: number) => boolean): number | undefined {
    const fingerprint = fingerprintOf(bytes);
    let place = fingerprint & (this.#addresses.length - 1);
    let tried = 0;
    for (; this.#addresses[place] !== 0; place = (place + 1) & (this.#addresses.length - 1)) {
      if (this.#fingerprints[place] !== fingerprint || tried === MAX_CANDIDATES) continue;
      tried++;
      const candidate = (this.#addresses[place] as number) - 1;
      if (equals(candidate)) return candidate;
    }
    // A full set of candidates stays as it is: one more would never be looked at.
    if (tried === MAX_CANDIDATES) return undefined;
    this.#fingerprints[place] = fingerprint;
    this.#addresses[place] = address + 1;
    if (++this.#count * 2 > this.#addresses.length) this.#grow();
    return undefined;
  }

  #grow(): void {
    const [fingerprints, addresses] = [this.#fingerprints, this.#addresses];
    const size = addresses.length * 2;
    this.#fingerprints = new Uint32Array(size);
    this.#addresses = new Uint32Array(size);
    for (const [old, address] of addresses.entries()) {
      if (address === 0) continue;
      const fingerprint = fingerprints[old] as number;
      let place = fingerprint & (size - 1);
      while (this.#addresses[place] !== 0) place = (place + 1) & (size - 1);
      this.#fingerprints[place] = fingerprint;
      this.#addresses[place] = address;
    }
  }
}

function fingerprintOf(bytes: Uint8Array): number {
  let hash = Math.imul(bytes.length, 0x9e37_79b1);
  const step = Math.max(1, Math.floor(bytes.length / SAMPLES)) | 1;
  for (let at = bytes.length - 1; at >= 0; at -= step) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
