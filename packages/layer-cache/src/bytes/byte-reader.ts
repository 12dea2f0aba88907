import type { ByteString } from '@ocirender/interface';
import { EntryDamaged } from '../store/entry-damaged.ts';

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param bytes - nothing of them is trusted */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new EntryDamaged('it ends early');
    this.#at++;
    return value;
  }

  /** Reads a number; see `ByteWriter.number`. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new EntryDamaged('a number is too large');
      if (byte < 0x80) return value;
      if (scale > Number.MAX_SAFE_INTEGER) throw new EntryDamaged('a number is too long');
    }
  }

  /**
   * Reads a number of things, each of which takes at least one byte.
   *
   * @returns no more than can be there
   */
  count(): number {
    const count = this.number();
    if (count > this.left) throw new EntryDamaged('it announces more than it has');
    return count;
  }

  /** Reads a string; see `ByteWriter.string`. */
  string(): ByteString {
    const from = this.#take();
    return this.#bytes.toString('latin1', from, this.#at);
  }

  /** Reads bytes: a copy. */
  data(): Uint8Array {
    const from = this.#take();
    return new Uint8Array(this.#bytes.subarray(from, this.#at));
  }

  /**
   * Reads bytes whose number is known.
   *
   * @returns a view
   */
  fixed(count: number): Buffer {
    if (count > this.left) throw new EntryDamaged('it ends early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** Passes over a length and as many bytes; gives where these begin. */
  #take(): number {
    const length = this.count();
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
