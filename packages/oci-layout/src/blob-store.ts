import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { DigestMismatchError, LimitError, OcirenderError, throwIfAborted } from '@ocirender/interface';
import { type Expected, parseDigest, sizeMismatch, verifyingStream } from './digest.ts';
import type { LayoutLimits } from './limits.ts';
import { openRegular, readChunks, readError } from './read-file.ts';

/** The files of one directory: blobs by digest, other files by name. Nothing outside the directory is read. */
export class BlobStore {
  readonly #directory: string;
  readonly #root: string;
  readonly limits: LayoutLimits;

  /**
   * @param directory - the path that the user gave, for messages
   * @param root - the same with symbolic links resolved
   */
  constructor(directory: string, root: string, limits: LayoutLimits) {
    this.#directory = directory;
    this.#root = root;
    this.limits = limits;
  }

  /** The path of a blob, as the user would write it. The digest is checked before it becomes a path. */
  blobPath(digest: string): string {
    const { algorithm, hex } = parseDigest(digest);
    return join(this.#directory, 'blobs', algorithm, hex);
  }

  /** The path of another file of the directory. */
  filePath(name: string): string {
    return join(this.#directory, name);
  }

  /**
   * Resolves symbolic links and makes sure that the file is within the directory.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_PATH_ESCAPE`, `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_IO`
   */
  async resolve(path: string, what: string): Promise<string> {
    let real: string;
    try {
      real = await realpath(path);
    } catch (error) {
      throw readError(error, path, what);
    }
    const inside = relative(this.#root, real);
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
      throw new OcirenderError(
        'ERR_OCIRENDER_PATH_ESCAPE',
        `${what}: ${path} is a link to ${real}, outside ${this.#directory}`,
        { hint: 'Only files within the image directory are read; copy the file there.' },
      );
    }
    return real;
  }

  /** Size in bytes of a file that exists and is a regular one. */
  async size(path: string, what: string): Promise<number> {
    const { handle, size } = await openRegular(await this.resolve(path, what), what);
    await handle.close();
    return size;
  }

  /** Reads a whole document; its size is limited. */
  async readDocument(path: string, what: string, signal?: AbortSignal): Promise<Buffer> {
    throwIfAborted(signal);
    const { handle, size } = await openRegular(await this.resolve(path, what), what);
    try {
      this.#checkDocumentSize(size, what);
      // One byte more than expected, so that a file which grows meanwhile is noticed.
      const buffer = Buffer.alloc(size + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length <= size; length += read) {
        ({ bytesRead: read } = await handle.read(buffer, length, buffer.length - length, length));
      }
      if (length !== size) throw sizeMismatch(`${what} (${path})`, size, 'another number');
      return buffer.subarray(0, size);
    } catch (error) {
      throw error instanceof OcirenderError ? error : readError(error, path, what);
    } finally {
      await handle.close();
    }
  }

  /** Reads a blob that is a document; size and digest are verified. */
  async readBlob(expected: Expected, what: string, signal?: AbortSignal): Promise<Buffer> {
    const path = this.blobPath(expected.digest);
    if (expected.size !== undefined) this.#checkDocumentSize(expected.size, what);
    const bytes = await this.readDocument(path, what, signal);
    if (expected.size !== undefined && bytes.length !== expected.size) {
      throw sizeMismatch(`${what} (${path})`, expected.size, `${bytes.length}`, linkAsTextHint(bytes));
    }
    checkDigest(bytes, expected.digest, `${what} (${path})`);
    return bytes;
  }

  /** Opens a file as a stream that verifies its size and digest. */
  async *open(
    path: string,
    expected: Required<Expected>,
    what: string,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    throwIfAborted(signal);
    const { handle } = await openRegular(await this.resolve(path, what), what);
    yield* verifyingStream(readChunks(handle, path, what, signal), expected, `${what} (${path})`);
  }

  #checkDocumentSize(size: number, what: string): void {
    const maximum = this.limits.documentBytes;
    if (size > maximum) throw new LimitError('documentBytes', maximum, `${what} has ${size} bytes`);
  }
}

/** Checks the digest of bytes in memory. */
export function checkDigest(bytes: Uint8Array, digest: string, what: string): void {
  const { algorithm } = parseDigest(digest, what);
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (actual !== digest) throw new DigestMismatchError(what, digest, actual);
}

/** Recognises what is left of a symbolic link after a checkout or copy that cannot make links. */
function linkAsTextHint(bytes: Uint8Array): string | undefined {
  if (bytes.length > 255) return undefined;
  const text = Buffer.from(bytes).toString('latin1');
  if (!/^\.\.\/[\w./-]+$/.test(text)) return undefined;
  return `The file holds only the path ${text}: a symbolic link that was copied as text (by Git without core.symlinks, for example). Copy the layout again with its links.`;
}
