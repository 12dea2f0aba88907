import type { OutputFile } from '@ocirender/image-file';

/** Bytes that are gathered before they are written. */
const BUFFER_SIZE = 1024 * 1024;

/**
 * Writes blocks that follow each other in few large writes, off the main thread, while the next buffer fills.
 * Callers see to it that {@link BlockStream.space} is enough before they put bytes.
 */
export class BlockStream {
  readonly #file: OutputFile;
  #buffer = Buffer.allocUnsafe(BUFFER_SIZE);
  #other = Buffer.allocUnsafe(BUFFER_SIZE);
  #used = 0;
  /** Position in the file of the buffer's first byte. */
  #start: number;
  #pending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param file - where to
   * @param position - of the first byte
   */
  constructor(file: OutputFile, position: number) {
    this.#file = file;
    this.#start = position;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#start + this.#used;
  }

  /** Bytes that can be put before {@link flush}. */
  get space(): number {
    return BUFFER_SIZE - this.#used;
  }

  /** Appends bytes; the caller may reuse their memory. */
  put(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    if (from === 0 && to === bytes.length) this.#buffer.set(bytes, this.#used);
    else this.#buffer.set(bytes.subarray(from, to), this.#used);
    this.#used += to - from;
  }

  /** Appends zeros. */
  zeros(count: number): void {
    this.#buffer.fill(0, this.#used, this.#used + count);
    this.#used += count;
  }

  /**
   * Begins to write what was put; waits for the write before.
   *
   * @throws the error of a write before, or the reason of {@link fail}
   */
  async flush(): Promise<void> {
    this.check();
    if (this.#used === 0) return;
    await this.#pending;
    this.check();
    const full = this.#buffer.subarray(0, this.#used);
    this.#pending = this.#file.write(full, this.#start).catch((error: unknown) => {
      this.fail(error);
    });
    this.#start += this.#used;
    this.#used = 0;
    [this.#buffer, this.#other] = [this.#other, this.#buffer];
  }

  /** Goes on elsewhere. */
  async seek(position: number): Promise<void> {
    if (position === this.position) return;
    await this.flush();
    this.#start = position;
  }

  /** Waits until everything is written. */
  async drain(): Promise<void> {
    await this.flush();
    await this.#pending;
    this.check();
  }

  /** Makes a pending or later call throw. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Throws what {@link fail} was told, if anything. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
