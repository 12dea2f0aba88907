import { createHash } from 'node:crypto';
import { DigestMismatchError, LimitError, type StoredFile, throwIfAborted } from '@ocirender/interface';
import { type Expected, parseDigest, sizeMismatch, verifyingStream } from './digest.ts';
import type { FileTree } from './file-tree.ts';
import type { LayoutLimits } from './limits.ts';

/** The files of one image on disk: blobs by digest, other files by name. */
export class BlobStore {
  readonly files: FileTree;
  readonly limits: LayoutLimits;
  /** The name of a blob. The digest is checked before it becomes a name. */
  readonly blobName: (digest: string) => string;

  /**
   * @param files - all of them
   * @param limits - against hostile input
   * @param blobName - how a blob is called; as in an OCI image layout by default
   */
  constructor(files: FileTree, limits: LayoutLimits, blobName: (digest: string) => string = layoutName) {
    this.files = files;
    this.limits = limits;
    this.blobName = blobName;
  }

  /** Size in bytes of a file that exists and is a regular one. */
  async size(name: string, what: string): Promise<number> {
    const file = await this.files.open(name, what);
    await file.close();
    return file.size;
  }

  /** Reads a whole document; its size is limited. */
  async readDocument(name: string, what: string, signal?: AbortSignal): Promise<Buffer> {
    throwIfAborted(signal);
    const file = await this.files.open(name, what);
    const { size } = file;
    try {
      this.#checkDocumentSize(size, what);
      // One byte more than expected, so that a file which grows meanwhile is noticed.
      const buffer = Buffer.alloc(size + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length <= size; length += read) {
        read = await file.read(buffer.subarray(length), length);
      }
      if (length !== size) throw sizeMismatch(`${what} (${this.files.locate(name)})`, size, 'another number');
      return buffer.subarray(0, size);
    } finally {
      await file.close();
    }
  }

  /** Reads a blob that is a document; size and digest are verified. */
  async readBlob(expected: Expected, what: string, signal?: AbortSignal): Promise<Buffer> {
    const name = this.blobName(expected.digest);
    const where = `${what} (${this.files.locate(name)})`;
    if (expected.size !== undefined) this.#checkDocumentSize(expected.size, what);
    const bytes = await this.readDocument(name, what, signal);
    if (expected.size !== undefined && bytes.length !== expected.size) {
      throw sizeMismatch(where, expected.size, `${bytes.length}`, linkAsTextHint(bytes));
    }
    checkDigest(bytes, expected.digest, where);
    return bytes;
  }

  /** Opens a file as a stream that verifies its size and digest. */
  async *open(
    name: string,
    expected: Required<Expected>,
    what: string,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    throwIfAborted(signal);
    const file = await this.files.open(name, what);
    yield* verifyingStream(file.chunks(signal), expected, `${what} (${this.files.locate(name)})`);
  }

  /**
   * Opens a file for a thread that reads, and checks, its bytes.
   *
   * @param name - of the file
   * @param what - it is, for messages
   */
  async openFile(name: string, what: string): Promise<StoredFile> {
    const file = await this.files.open(name, what);
    const { fd, position, size } = file;
    return { fd, position, size, what: `${what} (${this.files.locate(name)})`, close: () => file.close() };
  }

  #checkDocumentSize(size: number, what: string): void {
    const maximum = this.limits.documentBytes;
    if (size > maximum) throw new LimitError('documentBytes', maximum, `${what} has ${size} bytes`);
  }
}

function layoutName(digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
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
