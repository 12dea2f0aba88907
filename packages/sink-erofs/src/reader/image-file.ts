import { type FileHandle, open } from 'node:fs/promises';
import { FormatError, OcirenderError } from '@ocirender/interface';

/** Metadata is read and kept in pages of this many bytes. */
const PAGE_SIZE: number = 64 * 1024;
/** Pages that are kept. */
const MAX_PAGES = 128;

/** The file of an image: bytes by position, those of metadata through a small cache. */
export class ImageFile {
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #pages = new Map<number, Promise<Buffer>>();

  private constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
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
      const { size } = await handle.stat();
      return new ImageFile(path, handle, size);
    } catch (error) {
      throw ioError(path, error);
    }
  }

  /**
   * Reads bytes of metadata.
   *
   * @param position - from the start of the file
   * @param length - at most some kilobytes
   * @param what - for messages
   * @throws {FormatError} when the file ends before
   */
  async metadata(position: number, length: number, what: string): Promise<Uint8Array> {
    this.check(position, length, what);
    const first = Math.floor(position / PAGE_SIZE);
    const from = position - first * PAGE_SIZE;
    const page = await this.#page(first);
    if (from + length <= page.length) return page.subarray(from, from + length);
    const bytes = Buffer.alloc(length);
    let done = page.copy(bytes, 0, from);
    for (let next = first + 1; done < length; next++) done += (await this.#page(next)).copy(bytes, done);
    return bytes;
  }

  /**
   * Reads bytes of contents.
   *
   * @param into - filled whole
   * @param position - from the start of the file
   * @param what - for messages
   * @throws {FormatError} when the file ends before
   */
  async read(into: Uint8Array, position: number, what: string): Promise<void> {
    this.check(position, into.length, what);
    try {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) throw new Error('the file has become shorter');
        done += bytesRead;
      }
    } catch (error) {
      throw ioError(this.#path, error);
    }
  }

  /** Throws unless a range is inside of the file. */
  check(position: number, length: number, what: string): void {
    if (position + length <= this.size) return;
    throw new FormatError(`${what}: the image of ${this.size} bytes ends before`, position, {
      code: 'ERR_OCIRENDER_TRUNCATED',
      hint: 'The image is cut short or damaged.',
    });
  }

  /** Closes the file. May be called twice. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  #page(number: number): Promise<Buffer> {
    const known = this.#pages.get(number);
    if (known !== undefined) {
      this.#pages.delete(number);
      this.#pages.set(number, known);
      return known;
    }
    const start = number * PAGE_SIZE;
    const bytes = Buffer.allocUnsafeSlow(Math.min(PAGE_SIZE, this.size - start));
    const page = this.read(bytes, start, 'metadata').then(() => bytes);
    this.#pages.set(number, page);
    page.catch(() => this.#pages.delete(number));
    if (this.#pages.size > MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value as number);
    return page;
  }
}

function ioError(path: string, cause: unknown): OcirenderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${reason}`, { cause });
}
