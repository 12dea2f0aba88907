import type { ByteString } from '@ocirender/interface';

const INITIAL_BYTES = 64 * 1024;

/** Writes numbers and byte strings one behind the other, into memory that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  /** What was written so far: a view that lives until the next write. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param value - 0 to 255 */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /**
   * Writes a number in groups of seven bits, the lowest first, all but the last with the high bit set (LEB128).
   *
   * @param value - a safe integer, 0 or more
   */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /**
   * Writes the bytes of a string, and before them how many.
   *
   * @param value - one character a byte
   */
  string(value: ByteString): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#length += this.#bytes.write(value, this.#length, 'latin1');
  }

  /** Writes bytes, and before them how many. */
  data(value: Uint8Array): void {
    this.number(value.length);
    this.fixed(value);
  }

  /** Writes bytes whose number is known. */
  fixed(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
