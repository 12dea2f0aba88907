import { OutputFile } from '@ocirender/image-file';

/** Bytes that are written at a time. */
const BUFFER_SIZE: number = 256 * 1024;
/** Bytes that are read at a time: those of neighbours are asked for next, as a rule. */
const WINDOW_SIZE: number = 16 * 1024;

/**
 * Keeps tails of files until their inodes are written beside them: in a file without a name, so that memory stays
 * small and a crash leaves nothing.
 */
export class TailStore {
  readonly #file: OutputFile;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  readonly #window = new Uint8Array(WINDOW_SIZE);
  #windowStart = 0;
  #windowLength = 0;
  #written = 0;
  #fill = 0;

  /**
   * @param path - a name that is free, taken for a moment
   */
  constructor(path: string) {
    this.#file = new OutputFile(path);
    this.#file.unlink();
  }

  /**
   * Keeps a tail.
   *
   * @param bytes - at most 64 KiB
   * @returns where it is
   */
  add(bytes: Uint8Array): number {
    if (this.#fill + bytes.length > BUFFER_SIZE) this.#flush();
    this.#buffer.set(bytes, this.#fill);
    this.#fill += bytes.length;
    return this.#written + this.#fill - bytes.length;
  }

  /**
   * Reads a tail.
   *
   * @param at - what {@link add} returned
   * @param into - as long as the tail
   */
  read(at: number, into: Uint8Array): void {
    if (this.#fill > 0) this.#flush();
    const from = at - this.#windowStart;
    if (from >= 0 && from + into.length <= this.#windowLength) {
      into.set(this.#window.subarray(from, from + into.length));
      return;
    }
    if (into.length > WINDOW_SIZE) {
      this.#file.read(into, at);
      return;
    }
    this.#windowStart = at;
    this.#windowLength = this.#file.read(this.#window, at);
    into.set(this.#window.subarray(0, into.length));
  }

  /** Gives the room back. May be called twice. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  #flush(): void {
    this.#file.writeSync(this.#buffer.subarray(0, this.#fill), this.#written);
    this.#written += this.#fill;
    this.#fill = 0;
  }
}
