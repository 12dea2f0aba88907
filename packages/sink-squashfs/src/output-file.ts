import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import { OcirenderError } from '@ocirender/interface';

/** Bytes that are read back at a time. */
const COMPARE_SIZE = 256 * 1024;

/** The image file: positional writes, and reading back what was written. */
export class OutputFile {
  readonly #path: string;
  #fd: number | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

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
   * Writes bytes, off the main thread. One write at a time.
   *
   * @param bytes - left alone by the caller until the promise settles
   * @param position - from the start of the file
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`, for example when the disk is full
   */
  write(bytes: Uint8Array, position: number): Promise<void> {
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
   * Compares two ranges of the file. They are in the page cache as a rule, so this is done at once.
   *
   * @param a - start of one range
   * @param b - start of the other
   * @param length - bytes to compare
   * @returns true when they hold the same bytes
   */
  equalRanges(a: number, b: number, length: number): boolean {
    const size = Math.min(length, COMPARE_SIZE);
    const one = Buffer.allocUnsafe(size);
    const other = Buffer.allocUnsafe(size);
    for (let done = 0; done < length; done += size) {
      const count = Math.min(size, length - done);
      this.#read(one, count, a + done);
      this.#read(other, count, b + done);
      if (one.compare(other, 0, count, 0, count) !== 0) return false;
    }
    return true;
  }

  /**
   * Sets the file's length; what comes after `end` is cut off, what is missing up to `length` is zero.
   *
   * @param end - end of the last byte that counts
   * @param length - length to give the file
   */
  async finish(end: number, length: number): Promise<void> {
    this.#guard('write', () => {
      const fd = this.#fd as number;
      fs.ftruncateSync(fd, end);
      fs.ftruncateSync(fd, length);
    });
    await this.close();
  }

  /** Closes the file when the write that is under way has ended: its number may be another file's right after. */
  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    await this.#lastWrite;
    if (fd !== undefined) this.#guard('close', () => fs.closeSync(fd));
  }

  #read(into: Buffer, count: number, position: number): void {
    for (let done = 0; done < count; ) {
      const got = this.#guard('read back', () =>
        fs.readSync(this.#fd as number, into, done, count - done, position + done),
      );
      if (got === 0) throw this.#error('read back', new Error(`nothing at byte ${position + done}`));
      done += got;
    }
  }

  #guard<T>(what: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#error(what, error);
    }
  }

  #error(what: string, cause: unknown): OcirenderError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new OcirenderError('ERR_OCIRENDER_IO', `cannot ${what} ${this.#path}: ${reason}`, { cause });
  }
}
