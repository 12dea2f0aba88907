import type { ByteString } from '@ocirender/interface';

const CHUNK = 1024 * 1024;
const NONE = Buffer.alloc(0);

/** Append-only store of byte strings: a string costs its bytes and nothing else. */
export class ByteLog {
  readonly #chunks: Buffer[] = [];
  #used = CHUNK;
  #released = 0;

  /**
   * @param value - at most 1 MiB
   * @returns its position, for {@link read}
   */
  append(value: ByteString): number {
    if (this.#chunks.length === 0 || value.length > CHUNK - this.#used) {
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK));
      this.#used = 0;
    }
    const chunk = this.#chunks.length - 1;
    this.#chunks[chunk]!.write(value, this.#used, 'latin1');
    const position = chunk * CHUNK + this.#used;
    this.#used += value.length;
    return position;
  }

  /**
   * Forgets the strings before a position; those that share its chunk of memory stay.
   *
   * @param position - what `append` gave
   */
  release(position: number): void {
    for (; this.#released < Math.floor(position / CHUNK); this.#released++)
      this.#chunks[this.#released] = NONE;
  }

  /**
   * @param position - what `append` gave, or a place inside such a string
   * @param length - in bytes
   * @returns a fresh flat string (never a slice that keeps a longer one alive)
   */
  read(position: number, length: number): ByteString {
    const start = position % CHUNK;
    const chunk = this.#chunks[(position - start) / CHUNK]!;
    return chunk.toString('latin1', start, start + length);
  }
}
