const CHUNK_BYTES = 1024 * 1024;

/** Collects single bytes in chunks of 1 MiB. */
export class ChunkWriter {
  readonly #chunks: Uint8Array[] = [];
  #chunk: Uint8Array = new Uint8Array(0);
  #length = 0;

  readonly write = (byte: number): void => {
    if (this.#length === this.#chunk.length) this.#grow();
    this.#chunk[this.#length++] = byte;
  };

  /**
   * Ends the collection.
   *
   * @returns everything that was written
   */
  finish(): Uint8Array[] {
    if (this.#length > 0) this.#chunks.push(this.#chunk.subarray(0, this.#length));
    return this.#chunks;
  }

  #grow(): void {
    if (this.#length > 0) this.#chunks.push(this.#chunk);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#length = 0;
  }
}
