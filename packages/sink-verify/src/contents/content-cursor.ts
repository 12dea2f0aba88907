import { type ContentChunk, isHole } from '@ocirender/interface';

/** Goes through a content run by run; a run is bytes, or zeros that are not stored. */
export class ContentCursor {
  readonly #chunks: AsyncIterator<ContentChunk>;
  #chunk: ContentChunk | undefined;
  #used = 0;

  /**
   * @param content - one file's bytes
   */
  constructor(content: AsyncIterable<ContentChunk>) {
    this.#chunks = content[Symbol.asyncIterator]();
  }

  /** Bytes of the run that are left; 0 at the end of the content. */
  get available(): number {
    if (this.#chunk === undefined) return 0;
    return (isHole(this.#chunk) ? this.#chunk.hole : this.#chunk.length) - this.#used;
  }

  /** Reads on until bytes are available or the content ends. */
  async fill(): Promise<void> {
    while (this.available === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        this.#chunk = undefined;
        return;
      }
      this.#chunk = value;
      this.#used = 0;
    }
  }

  /**
   * Takes bytes of the run.
   *
   * @param length - at most `available`
   * @returns the bytes, valid until `fill` is called; undefined for zeros
   */
  take(length: number): Uint8Array | undefined {
    const start = this.#used;
    this.#used += length;
    if (this.#chunk === undefined || isHole(this.#chunk)) return undefined;
    return this.#chunk.subarray(start, start + length);
  }

  /** Leaves the content. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/**
 * Finds the first byte in which two contents differ.
 *
 * @param a - one content
 * @param b - the other
 * @returns its offset (the shorter one's length when that is where they part), or undefined when they are equal
 */
export async function firstDifference(
  a: AsyncIterable<ContentChunk>,
  b: AsyncIterable<ContentChunk>,
): Promise<number | undefined> {
  const x = new ContentCursor(a);
  const y = new ContentCursor(b);
  try {
    for (let offset = 0; ; ) {
      await Promise.all([x.fill(), y.fill()]);
      const length = Math.min(x.available, y.available);
      if (length === 0) return x.available === y.available ? undefined : offset;
      const at = mismatch(x.take(length), y.take(length));
      if (at !== undefined) return offset + at;
      offset += length;
    }
  } finally {
    await Promise.all([x.close(), y.close()]);
  }
}

/**
 * Finds the first byte in which two runs of equal length differ.
 *
 * @param a - bytes, or undefined for zeros
 * @param b - likewise
 * @returns its index, or undefined when they are equal
 */
export function mismatch(a: Uint8Array | undefined, b: Uint8Array | undefined): number | undefined {
  if (a === undefined || b === undefined) {
    const index = (a ?? b)?.findIndex((byte) => byte !== 0) ?? -1;
    return index < 0 ? undefined : index;
  }
  if (Buffer.compare(a, b) === 0) return undefined;
  return a.findIndex((byte, index) => byte !== b[index]);
}
