/** A layer's stored bytes, counted as they are read: for the decompressor first, and then whatever it has left. */
export class StoredBytes {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #count = 0;
  #done = false;
  #ahead: Promise<Uint8Array | undefined> | undefined;

  constructor(source: AsyncIterable<Uint8Array>, onBytes: ((bytes: number) => void) | undefined) {
    this.#source = source[Symbol.asyncIterator]();
    this.#onBytes = onBytes;
  }

  /**
   * Gives them for decompression. Ending it does not close the source: {@link drain} reads on.
   *
   * @param ahead - read the next chunk while the consumer works on this one; the source's chunks must be memory of their own
   */
  async *chunks(ahead: boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#next();
      if (chunk === undefined) return;
      if (ahead) {
        this.#ahead = this.#read();
        // Whoever takes it meets its error.
        this.#ahead.catch(() => undefined);
      }
      yield chunk;
    }
  }

  /** Reads them to their end, or until there are more than `most`. */
  async drain(most: number): Promise<void> {
    while (this.#count <= most && (await this.#next()) !== undefined);
  }

  /** Closes the source. Never throws. */
  async close(): Promise<void> {
    await this.#source.return?.().catch(() => undefined);
  }

  #next(): Promise<Uint8Array | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead ?? this.#read();
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#done) return undefined;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#done = true;
      return undefined;
    }
    this.#count += next.value.length;
    this.#onBytes?.(this.#count);
    return next.value;
  }
}
