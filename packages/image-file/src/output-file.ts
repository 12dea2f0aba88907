import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import { isOcirenderError, type KeptWork, OcirenderError, readAt, readRange } from '@ocirender/interface';
import { KeptCopier } from './kept-copier.ts';

/** Bytes that are read back at a time to compare them. */
const COMPARE_SIZE = 256 * 1024;

/**
 * A file that is written and read back by position: an image, or what is kept beside it while it is made. What is never
 * written is a hole. Each method throws `ERR_OCIRENDER_IO` with the path when the system says no, and after
 * {@link OutputFile.close}.
 */
export class OutputFile {
  readonly #path: string;
  #fd: number | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  #failure: { readonly reason: unknown } | undefined;
  #copier: KeptCopier | undefined;

  /**
   * Creates the file.
   *
   * @param path - where; must not exist
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be created
   */
  constructor(path: string) {
    this.#path = path;
    this.#fd = this.#guard('create', () => fs.openSync(path, 'wx+', 0o666));
  }

  /**
   * Makes later writes throw: whoever writes one after the other stops at the next.
   *
   * @param reason - what they throw; the first one stays
   */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
  }

  /**
   * Takes the file's name away: its bytes go when it is closed, or when this process dies.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  unlink(): void {
    this.#guard('unlink', () => fs.unlinkSync(this.#path));
  }

  /**
   * Writes bytes, off the main thread. One write at a time.
   *
   * @param bytes - left alone by the caller until the promise settles
   * @param position - from the start of the file
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`, for example when the disk is full
   */
  write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason as Error);
    const done = new Promise<void>((resolve, reject) => {
      const step = (from: number): void => {
        if (this.#fd === undefined) {
          reject(this.#error('write', new Error('the file is closed')));
          return;
        }
        fs.write(this.#fd, bytes, from, bytes.length - from, position + from, (error, written) => {
          if (error !== null) reject(this.#error('write', error));
          else if (from + written < bytes.length) step(from + written);
          else resolve();
        });
      };
      step(0);
    });
    this.#lastWrite = done.catch(() => {});
    return done;
  }

  /**
   * Writes bytes at once.
   *
   * @param bytes - what to write
   * @param position - from the start of the file
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`, for example when the disk is full
   */
  writeSync(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += this.#guard('write', () =>
        fs.writeSync(this.#open, bytes, done, bytes.length - done, position + done),
      );
    }
  }

  /**
   * Copies an item of kept work into the file, off the main thread when there is much of it.
   *
   * @param kept - whose
   * @param item - its index
   * @param position - from the start of the file; nobody writes there before {@link OutputFile.copied}
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  copyKept(kept: KeptWork, item: number, position: number): void {
    this.#copier ??= this.#guard(
      'write',
      () => new KeptCopier(this.#open, (reason) => this.fail(this.#copyError(reason))),
    );
    this.#copier.copy(kept, item, position);
  }

  /**
   * Waits until all items are copied and checked.
   *
   * @throws what `kept.reject` gives for an item that is damaged; {@link OcirenderError} `ERR_OCIRENDER_IO`
   */
  async copied(): Promise<void> {
    try {
      await this.#copier?.settle();
    } catch (error) {
      throw this.#copyError(error);
    }
  }

  /**
   * Compares an item of kept work with a range of the file, at once.
   *
   * @param kept - whose
   * @param item - its index
   * @param position - of the range
   * @returns true when they hold the same bytes
   * @throws as `kept.read`; {@link OcirenderError} `ERR_OCIRENDER_IO`
   */
  equalsKept(kept: KeptWork, item: number, position: number): boolean {
    const range = kept.range(item);
    const one = Buffer.allocUnsafe(Math.min(range.size, COMPARE_SIZE));
    const other = Buffer.allocUnsafe(one.length);
    let isEqual = true;
    const compare = (bytes: Uint8Array, from: number): void => {
      const there = other.subarray(0, bytes.length);
      this.#readWhole(there, position + from);
      if (!there.equals(bytes)) isEqual = false;
    };
    const isRight = this.#guard('compare', () => readRange(range, one, compare));
    if (!isRight) throw kept.reject('the checksum of its bytes is wrong', item);
    return isEqual;
  }

  /**
   * Reads back what was written before. It is in the page cache as a rule, so this is done at once.
   *
   * @param into - filled wholly; behind the end of the file, with zeros
   * @param position - from the start of the file
   * @returns how many bytes the file had
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  read(into: Uint8Array, position: number): number {
    const got = this.#guard('read back', () => readAt(this.#open, into, position));
    into.fill(0, got);
    return got;
  }

  /**
   * Compares two ranges of the file, at once as {@link OutputFile.read} does.
   *
   * @param a - start of one range
   * @param b - start of the other
   * @param length - bytes to compare
   * @returns true when they hold the same bytes
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`, also when the file ends before a range does
   */
  equalRanges(a: number, b: number, length: number): boolean {
    const size = Math.min(length, COMPARE_SIZE);
    const one = Buffer.allocUnsafe(size);
    const other = Buffer.allocUnsafe(size);
    for (let done = 0; done < length; done += size) {
      const count = Math.min(size, length - done);
      this.#readWhole(one.subarray(0, count), a + done);
      this.#readWhole(other.subarray(0, count), b + done);
      if (one.compare(other, 0, count, 0, count) !== 0) return false;
    }
    return true;
  }

  /**
   * Cuts the file off, or lengthens it by a hole.
   *
   * @param length - bytes that the file has then
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  resize(length: number): void {
    this.#guard('write', () => fs.ftruncateSync(this.#open, length));
  }

  /**
   * Closes the file when the write that is under way has ended: its number may be another file's right after. May be
   * called twice.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    await this.#copier?.end();
    await this.#lastWrite;
    if (fd !== undefined) this.#guard('close', () => fs.closeSync(fd));
  }

  #readWhole(into: Buffer, position: number): void {
    const got = this.read(into, position);
    if (got < into.length) throw this.#error('read back', new Error(`nothing at byte ${position + got}`));
  }

  get #open(): number {
    if (this.#fd === undefined) throw new Error('the file is closed');
    return this.#fd;
  }

  #guard<T>(what: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      // What is told already stays as it is.
      throw isOcirenderError(error) ? error : this.#error(what, error);
    }
  }

  /** A system error of the copier is told as others are; damage is what `kept.reject` made of it. */
  #copyError(error: unknown): unknown {
    return isOcirenderError(error) || (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : this.#error('write', error);
  }

  #error(what: string, cause: unknown): OcirenderError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new OcirenderError('ERR_OCIRENDER_IO', `cannot ${what} ${this.#path}: ${reason}`, { cause });
  }
}
