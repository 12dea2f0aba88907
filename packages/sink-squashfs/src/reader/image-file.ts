import { type FileHandle, open } from 'node:fs/promises';
import { FormatError, OcirenderError } from '@ocirender/interface';

/** An image that is open for reading at any position. */
export class ImageFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #end: number;
  #closed = false;

  private constructor(path: string, handle: FileHandle, end: number) {
    this.path = path;
    this.#handle = handle;
    this.#end = end;
  }

  /**
   * Opens an image.
   *
   * @param path - a file or a block device
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be opened
   */
  static async open(path: string): Promise<ImageFile> {
    try {
      const handle = await open(path, 'r');
      const stat = await handle.stat();
      return new ImageFile(path, handle, stat.isFile() ? stat.size : Number.MAX_SAFE_INTEGER);
    } catch (cause) {
      throw ioError(path, cause);
    }
  }

  /** Size in bytes of what may be read: the file, or less once {@link ImageFile.limit} was called. */
  get end(): number {
    return this.#end;
  }

  /** Cuts what may be read to the part that the image says it uses. */
  limit(end: number): void {
    this.#end = end;
  }

  /**
   * Reads bytes.
   *
   * @param position - in bytes
   * @param length - in bytes; checked against the image's size before memory is taken
   * @returns exactly that many bytes
   * @throws {FormatError} `ERR_OCIRENDER_TRUNCATED` when the image ends before
   */
  async read(position: number, length: number): Promise<Buffer> {
    if (position + length > this.#end) throw truncated(this.#end, position + length);
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      let count: number;
      try {
        ({ bytesRead: count } = await this.#handle.read(bytes, done, length - done, position + done));
      } catch (cause) {
        throw ioError(this.path, cause);
      }
      if (count === 0) throw truncated(position + done, position + length);
      done += count;
    }
    return bytes;
  }

  /** Closes the file. May be called twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

function truncated(end: number, wanted: number): FormatError {
  return new FormatError(`the squashfs image ends at ${end} bytes, where ${wanted} are needed`, end, {
    code: 'ERR_OCIRENDER_TRUNCATED',
    hint: 'The file is incomplete or damaged; make or fetch it again.',
  });
}

function ioError(path: string, cause: unknown): OcirenderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${reason}`, { cause });
}
