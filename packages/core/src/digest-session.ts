import { createHash, hash } from 'node:crypto';
import {
  type Content,
  type ContentInfo,
  type ContentRef,
  expandHoles,
  type SinkReport,
  type SinkSession,
} from '@ocirender/interface';

/** Bytes of a SHA-256, and digests in a chunk of memory. */
const BYTES = 32;
const CHUNK = 4096;
/** Zeros in all holes that are worth hashing: a few bytes can declare any number. */
const HOLE_BYTES = 1024 * 1024 * 1024;

/** Stores nothing of the contents that it is given but their SHA-256, or nothing at all. */
export class DigestSession implements SinkSession {
  readonly placement = 'any';
  readonly ignoresContents: boolean;
  readonly #chunks: Buffer[] = [];
  readonly #unhashed = new Set<ContentRef>();
  #holesLeft = HOLE_BYTES;
  #count = 0;

  /**
   * @param digests - whether to hash; contents are not even looked at without
   */
  constructor(digests: boolean) {
    this.ignoresContents = !digests;
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const ref = this.#count++;
    if (this.ignoresContents) return ref;
    if (ref % CHUNK === 0) this.#chunks.push(Buffer.alloc(BYTES * CHUNK));
    if (content instanceof Uint8Array) {
      this.#set(ref, hash('sha256', content, 'buffer'));
      return ref;
    }
    const holes = info.extents?.reduce((left, { length }) => left - length, info.size) ?? 0;
    if (holes > this.#holesLeft) {
      this.#unhashed.add(ref);
      return ref;
    }
    this.#holesLeft -= holes;
    return this.#stream(ref, expandHoles(content));
  }

  finish(): Promise<SinkReport> {
    return Promise.resolve({ bytesWritten: 0, details: {} });
  }

  abort(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * @param ref - of a content
   * @returns its SHA-256 in hexadecimal; undefined when it was not hashed
   */
  digest(ref: ContentRef): string | undefined {
    if (this.ignoresContents || this.#unhashed.has(ref)) return undefined;
    const at = (ref % CHUNK) * BYTES;
    return this.#chunks[Math.floor(ref / CHUNK)]!.toString('hex', at, at + BYTES);
  }

  async #stream(ref: ContentRef, bytes: AsyncIterable<Uint8Array>): Promise<ContentRef> {
    const sum = createHash('sha256');
    for await (const chunk of bytes) sum.update(chunk);
    this.#set(ref, sum.digest());
    return ref;
  }

  #set(ref: ContentRef, digest: Buffer): void {
    digest.copy(this.#chunks[Math.floor(ref / CHUNK)]!, (ref % CHUNK) * BYTES);
  }
}
