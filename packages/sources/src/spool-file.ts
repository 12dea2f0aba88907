import { randomBytes } from 'node:crypto';
import { close, constants, open, read, unlinkSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OcirenderError } from '@ocirender/interface';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeFile = promisify(write);

/** Closes what nobody has closed: a spool that is dropped takes no room any longer than its object lives. */
const forgotten = new FinalizationRegistry<number>((fd) => close(fd, () => undefined));

/**
 * A temporary file without a name: it is unlinked as soon as it is open, so that its room is free again when the
 * process ends, however that happens.
 */
export class SpoolFile {
  readonly #directory: string;
  #fd: number | undefined;
  #size = 0;
  /** Reads and writes under way: the descriptor must not be closed, and given to another file, below them. */
  #busy = 0;
  #idle: (() => void) | undefined;

  private constructor(fd: number, directory: string) {
    this.#fd = fd;
    this.#directory = directory;
    forgotten.register(this, fd, this);
  }

  /**
   * Makes an empty file.
   *
   * @param directory - where its room is taken
   * @returns the file
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  static async create(directory: string = tmpdir()): Promise<SpoolFile> {
    const path = join(directory, `.ocirender-${randomBytes(12).toString('hex')}.spool`);
    try {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
      const fd = await openFile(path, flags, 0o600);
      unlinkSync(path);
      return new SpoolFile(fd, directory);
    } catch (error) {
      throw spoolError(error, directory, 'cannot make a temporary file');
    }
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends bytes; one call at a time.
   *
   * @param bytes - the caller's own again when the promise has settled
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        const fd = this.#open();
        const { bytesWritten } = await this.#during(writeFile(fd, bytes, at, bytes.length - at, this.#size));
        at += bytesWritten;
        this.#size += bytesWritten;
      } catch (error) {
        throw spoolError(error, this.#directory, 'cannot write a temporary file');
      }
    }
  }

  /**
   * Reads bytes.
   *
   * @param buffer - is filled from its start
   * @param position - in bytes from the start of the file
   * @returns how many were read; 0 at the end
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    try {
      const fd = this.#open();
      return (await this.#during(readFile(fd, buffer, 0, buffer.length, position))).bytesRead;
    } catch (error) {
      throw spoolError(error, this.#directory, 'cannot read a temporary file');
    }
  }

  /**
   * Lends the descriptor: the file stays open until it is given back.
   *
   * @returns the descriptor, and what gives it back; may be called twice
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the file has been closed
   */
  lend(): { readonly fd: number; readonly giveBack: () => void } {
    const fd = this.#open();
    let giveBack: () => void;
    const lent = new Promise<void>((resolve) => {
      giveBack = resolve;
    });
    void this.#during(lent);
    return { fd, giveBack: giveBack! };
  }

  /** Gives the room back. May be called twice; waits for what is under way. */
  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    forgotten.unregister(this);
    if (this.#busy > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await closeFile(fd).catch(() => undefined);
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work;
    } finally {
      this.#busy--;
      if (this.#busy === 0) this.#idle?.();
    }
  }

  #open(): number {
    if (this.#fd !== undefined) return this.#fd;
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'the image has been closed');
  }
}

function spoolError(error: unknown, directory: string, what: string): OcirenderError {
  if (error instanceof OcirenderError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new OcirenderError('ERR_OCIRENDER_IO', `${what} in ${directory}: ${message}`, {
    cause: error,
    ...(full ? { hint: 'There is no room left; name another directory with --spool (or TMPDIR).' } : {}),
  });
}
