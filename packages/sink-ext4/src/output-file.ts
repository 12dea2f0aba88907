import * as fs from 'node:fs';
import { OcirenderError } from '@ocirender/interface';

/** The image file: positional writes, and reading back what was written. What is never written is a hole. */
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
   * Reads back what was written before. It is in the page cache as a rule, so this is done at once.
   *
   * @param into - filled wholly; where the file ends, with zeros
   * @param position - from the start of the file
   */
  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length; ) {
      const got = this.#guard('read back', () =>
        fs.readSync(this.#fd as number, into, done, into.length - done, position + done),
      );
      if (got === 0) {
        into.fill(0, done);
        return;
      }
      done += got;
    }
  }

  /** Cuts the file off, or lengthens it by a hole. */
  resize(length: number): void {
    this.#guard('write', () => fs.ftruncateSync(this.#fd as number, length));
  }

  /** Closes the file when the write that is under way has ended: its number may be another file's right after. */
  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    await this.#lastWrite;
    if (fd !== undefined) this.#guard('close', () => fs.closeSync(fd));
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
