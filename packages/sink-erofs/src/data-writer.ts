import type { OutputFile } from '@ocirender/image-file';
import type { KeptWork } from '@ocirender/interface';

/** Bytes that are written at a time. */
const BUFFER_SIZE: number = 1024 * 1024;
/** One to fill, and those that are being written. */
const BUFFERS = 3;

interface Pending {
  readonly position: number;
  readonly bytes: Buffer;
}

/**
 * Appends to the image through a few buffers that are written off the main thread. What was appended last can be taken
 * back, and whatever was appended can be compared with, wherever it is by now.
 */
export class DataWriter {
  readonly #file: OutputFile;
  readonly #free: Buffer[] = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafe(BUFFER_SIZE));
  readonly #pending: Pending[] = [];
  #current: Buffer;
  #base: number;
  #fill = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #scratch = Buffer.alloc(0);

  /**
   * @param file - the image
   * @param start - where the first byte goes
   */
  constructor(file: OutputFile, start: number) {
    this.#file = file;
    this.#base = start;
    this.#current = this.#free.pop() as Buffer;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#base + this.#fill;
  }

  /**
   * Makes room for bytes side by side.
   *
   * @param length - at most 1 MiB
   * @returns undefined when there is room, else a promise to wait for
   */
  room(length: number): undefined | Promise<void> {
    this.check();
    if (this.#fill + length <= BUFFER_SIZE) return undefined;
    return this.#nextBuffer();
  }

  /** Appends bytes for which there is room. */
  put(bytes: Uint8Array): void {
    this.#current.set(bytes, this.#fill);
    this.#fill += bytes.length;
  }

  /** Appends zeros for which there is room. */
  zeros(count: number): void {
    this.#current.fill(0, this.#fill, this.#fill + count);
    this.#fill += count;
  }

  /** Appends bytes of any number. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      if (this.#fill === BUFFER_SIZE) await this.#nextBuffer();
      const take = Math.min(BUFFER_SIZE - this.#fill, bytes.length - from);
      this.put(bytes.subarray(from, from + take));
      from += take;
    }
    this.check();
  }

  /** Appends an item of kept work, which cannot be compared with before {@link flush}. */
  async appendKept(kept: KeptWork, item: number): Promise<void> {
    if (this.#fill > 0) await this.#nextBuffer();
    this.check();
    this.#file.copyKept(kept, item, this.#base);
    this.#base += kept.range(item).size;
  }

  /** The bytes appended last, for which {@link room} was made at once. */
  last(length: number): Buffer {
    return this.#current.subarray(this.#fill - length, this.#fill);
  }

  /** Takes back the bytes appended last. */
  takeBack(length: number): void {
    this.#fill -= length;
  }

  /** Tells whether the bytes at `position`, which {@link room} was made for at once, are these. */
  equals(position: number, bytes: Buffer): boolean {
    const from = position - this.#base;
    if (from >= 0) return bytes.compare(this.#current, from, from + bytes.length) === 0;
    for (const { position: start, bytes: written } of this.#pending) {
      const at = position - start;
      if (at >= 0 && at < written.length) return bytes.compare(written, at, at + bytes.length) === 0;
    }
    if (this.#scratch.length < bytes.length) this.#scratch = Buffer.allocUnsafe(bytes.length);
    const read = this.#scratch.subarray(0, bytes.length);
    return this.#file.read(read, position) === bytes.length && read.equals(bytes);
  }

  /** Waits until everything is written. */
  async flush(): Promise<void> {
    if (this.#fill > 0) this.#seal();
    await this.#writing;
    await this.#file.copied();
    this.check();
    this.#current = this.#free.pop() as Buffer;
  }

  /** Makes every later call throw `error`; the first one stays. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Throws what made this writer fail, if anything did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #nextBuffer(): Promise<void> {
    this.#seal();
    while (this.#free.length === 0 && this.#failure === undefined) await this.#oldest();
    this.check();
    this.#current = this.#free.pop() as Buffer;
  }

  #oldest(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wake: (() => void) | undefined;

  #seal(): void {
    const buffer = this.#current;
    const pending = { position: this.#base, bytes: buffer.subarray(0, this.#fill) };
    this.#pending.push(pending);
    this.#base += this.#fill;
    this.#fill = 0;
    this.#writing = this.#writing
      .then(async () => {
        if (this.#failure === undefined) await this.#file.write(pending.bytes, pending.position);
      })
      .catch((error: unknown) => this.fail(error))
      .then(() => {
        this.#pending.shift();
        this.#free.push(buffer);
        this.#wake?.();
      });
  }
}
