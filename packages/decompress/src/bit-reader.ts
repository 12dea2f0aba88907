/** Thrown by {@link BitReader} when its bytes are used up. */
export class OutOfBits extends Error {}

/** Reads bits, most significant first, from the bytes that are there. */
export class BitReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #bitsLeft = 0;

  /** Position in bits, in the bytes that are there. */
  get position(): number {
    return this.#at * 8 - this.#bitsLeft;
  }

  set position(bits: number) {
    this.#at = Math.ceil(bits / 8);
    this.#bitsLeft = this.#at * 8 - bits;
  }

  /** The bytes from the position on, begun ones included. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(Math.floor(this.position / 8));
  }

  /**
   * Goes on with other bytes, at the same bit of a byte.
   *
   * @param bytes - the rest and what follows it
   */
  refill(bytes: Uint8Array): void {
    const within = this.position % 8;
    this.#bytes = bytes;
    this.position = within;
  }

  /**
   * Gives the next bits.
   *
   * @param count - 1 to 32; null goes on at the next whole byte and gives 0
   * @returns their value; of 32 bits it is signed
   * @throws {OutOfBits} when there are not as many
   */
  readonly read = (count: number | null): number => {
    if (count === null) {
      this.#bitsLeft = 0;
      return 0;
    }
    let value = 0;
    for (let wanted = count; wanted > 0; ) {
      if (this.#bitsLeft === 0) {
        if (this.#at >= this.#bytes.length) throw new OutOfBits();
        this.#at++;
        this.#bitsLeft = 8;
      }
      const part = Math.min(wanted, this.#bitsLeft);
      this.#bitsLeft -= part;
      value = (value << part) | ((this.#bytes[this.#at - 1]! >> this.#bitsLeft) & ((1 << part) - 1));
      wanted -= part;
    }
    return value;
  };
}
