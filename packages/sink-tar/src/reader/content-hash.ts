import { createHash, type Hash, hash } from 'node:crypto';
import { type ContentChunk, type Entry, isHole } from '@ocirender/interface';

const ZEROS = new Uint8Array(1024 * 1024);
/** Zeros in all of an archive's holes that are worth hashing: a few bytes can declare any number. */
const HOLE_BYTES = 1024 * 1024 * 1024;

/** Hashes the contents of one archive, one after the other. */
export class ContentHash {
  #holesLeft = HOLE_BYTES;
  #hash: Hash | undefined;
  #whole: string | undefined;
  #size = 0;

  /**
   * Begins a content.
   *
   * @param entry - the file
   * @returns false when it is not to be hashed for the size of its holes
   */
  begin({ size, extents }: Entry): boolean {
    this.#hash = undefined;
    this.#whole = undefined;
    this.#size = size;
    if (extents === undefined) return true;
    const holes = extents.reduce((left, { length }) => left - length, size);
    if (holes > this.#holesLeft) return false;
    this.#holesLeft -= holes;
    return true;
  }

  /**
   * Takes what comes next.
   *
   * @param chunk - bytes or a hole
   */
  update(chunk: ContentChunk): void {
    if (!isHole(chunk) && chunk.length === this.#size) {
      // Most files come whole.
      this.#whole = hash('sha256', chunk, 'hex');
      return;
    }
    this.#hash ??= createHash('sha256');
    if (!isHole(chunk)) {
      this.#hash.update(chunk);
      return;
    }
    for (let left = chunk.hole; left > 0; left -= ZEROS.length) {
      this.#hash.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
    }
  }

  /**
   * Ends the content.
   *
   * @returns its SHA-256 in hexadecimal
   */
  digest(): string {
    return this.#whole ?? (this.#hash ?? createHash('sha256')).digest('hex');
  }
}
