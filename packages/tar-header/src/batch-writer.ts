/** Gathers small writes, so that a hundred thousand headers and small files are not as many system calls. */
const BATCH_SIZE = 512 * 1024;
/** From here on a copy costs more than a write of its own. */
const DIRECT_SIZE = 128 * 1024;

/**
 * Writes through one of two buffers while the other is on its way out.
 */
export class BatchWriter {
  /** Bytes taken so far. */
  bytes = 0;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #buffer: Buffer = Buffer.allocUnsafeSlow(BATCH_SIZE);
  #other: Buffer = Buffer.allocUnsafeSlow(BATCH_SIZE);
  #fill = 0;
  #inFlight: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  /**
   * @param write - called for one piece at a time, the next when its promise has settled
   */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /**
   * Tells whether the buffer takes more without a write.
   *
   * @param count - bytes
   * @returns true when {@link tryAppend} of so many in all will succeed
   */
  hasRoom(count: number): boolean {
    return count <= BATCH_SIZE - this.#fill;
  }

  /**
   * Takes bytes at once if there is room in the buffer.
   *
   * @param bytes - copied
   * @returns false when there is no room: use {@link append}
   */
  tryAppend(bytes: Uint8Array): boolean {
    if (!this.hasRoom(bytes.length)) return false;
    this.#buffer.set(bytes, this.#fill);
    this.#fill += bytes.length;
    this.bytes += bytes.length;
    return true;
  }

  /**
   * Takes NULs at once if there is room in the buffer.
   *
   * @param count - how many
   * @returns false when there is no room: use {@link appendZeros}
   */
  tryAppendZeros(count: number): boolean {
    if (!this.hasRoom(count)) return false;
    this.#buffer.fill(0, this.#fill, this.#fill + count);
    this.#fill += count;
    this.bytes += count;
    return true;
  }

  /**
   * Takes bytes; large ones are written as they are.
   *
   * @param bytes - the caller's own again when the promise has settled
   */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length < DIRECT_SIZE) {
      if (this.tryAppend(bytes)) return;
      await this.#flush();
      this.tryAppend(bytes);
      return;
    }
    await this.#flush();
    await this.#settle();
    await this.#write(bytes);
    this.bytes += bytes.length;
  }

  /**
   * Takes NULs.
   *
   * @param count - how many
   */
  async appendZeros(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const step = Math.min(left, BATCH_SIZE - this.#fill);
      this.tryAppendZeros(step);
      left -= step;
      if (left > 0) await this.#flush();
    }
  }

  /** Writes what is left; everything has been written on return. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#settle();
  }

  async #flush(): Promise<void> {
    if (this.#fill === 0) return;
    await this.#settle();
    const full = this.#buffer.subarray(0, this.#fill);
    [this.#buffer, this.#other] = [this.#other, this.#buffer];
    this.#fill = 0;
    // Kept for the next call: nobody awaits this promise meanwhile.
    this.#inFlight = this.#write(full).catch((error: unknown) => {
      this.#failure = { error };
    });
  }

  async #settle(): Promise<void> {
    await this.#inFlight;
    this.#inFlight = undefined;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
