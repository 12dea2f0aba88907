import { type FileHandle, open } from 'node:fs/promises';
import { FormatError, OcirenderError } from '@ocirender/interface';

/** An image that is read at any place. */
export class ImageFile {
  /** Bytes. */
  readonly size: number;
  readonly #path: string;
  #handle: FileHandle | undefined;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
  }

  /**
   * Opens a file.
   *
   * @param path - a regular file or a block device
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be opened
   */
  static async open(path: string): Promise<ImageFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const stats = await handle.stat();
      // A block device does not tell its size; reading ends where it ends.
      return new ImageFile(path, handle, stats.isFile() ? stats.size : Number.MAX_SAFE_INTEGER);
    } catch (error) {
      await handle?.close();
      throw ioError(path, error);
    }
  }

  /**
   * Reads bytes.
   *
   * @param position - from the start
   * @param length - bytes; checked by the caller against a limit
   * @returns a fresh buffer, filled wholly
   * @throws {FormatError} when the image ends before
   */
  async read(position: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(position) || position < 0 || position + length > this.size)
      throw this.#tooShort(position);
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#readInto(bytes, done, position + done);
      if (bytesRead === 0) throw this.#tooShort(position + done);
      done += bytesRead;
    }
    return bytes;
  }

  /** Closes the file. May be called twice. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #readInto(bytes: Buffer, offset: number, position: number): Promise<{ bytesRead: number }> {
    if (this.#handle === undefined)
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${this.#path} is closed`);
    try {
      return await this.#handle.read(bytes, offset, bytes.length - offset, position);
    } catch (error) {
      throw ioError(this.#path, error);
    }
  }

  #tooShort(position: number): FormatError {
    return new FormatError(`the image ends before what its structures point to`, Math.max(position, 0), {
      code: 'ERR_OCIRENDER_TRUNCATED',
    });
  }
}

function ioError(path: string, cause: unknown): OcirenderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${reason}`, { cause });
}
