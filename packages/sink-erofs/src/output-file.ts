import * as fs from 'node:fs';
import { OcirenderError } from '@ocirender/interface';

/** A file that is written and read back by position: the image, or the store of tails beside it. */
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

  /** Takes the file's name away: its bytes go when it is closed, or when this process dies. */
  unlink(): void {
    this.#guard('unlink', () => fs.unlinkSync(this.#path));
  }

  /**
   * Writes bytes off the main thread. One write at a time.
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

  /** Writes bytes at once. */
  writeSync(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += this.#guard('write', () =>
        fs.writeSync(this.#open, bytes, done, bytes.length - done, position + done),
      );
    }
  }

  /**
   * Reads bytes back at once: they are in the page cache as a rule.
   *
   * @param into - filled as far as the file reaches
   * @param position - from the start of the file
   * @returns how many bytes were read
   */
  read(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const got = this.#guard('read back', () =>
        fs.readSync(this.#open, into, done, into.length - done, position + done),
      );
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  /** Sets the file's length: what is missing is zero. */
  truncate(length: number): void {
    this.#guard('write', () => fs.ftruncateSync(this.#open, length));
  }

  /** Closes the file when the write that is under way has ended: its number may be another file's right after. */
  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    await this.#lastWrite;
    if (fd !== undefined) this.#guard('close', () => fs.closeSync(fd));
  }

  get #open(): number {
    if (this.#fd === undefined) throw new Error('the file is closed');
    return this.#fd;
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
