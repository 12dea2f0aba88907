import type { FingerprintIndex } from '@ocirender/block-pipeline';
import {
  type Content,
  type ContentRef,
  displayPath,
  type Extent,
  isHole,
  OcirenderError,
} from '@ocirender/interface';
import { type ContentTable, NO_TAIL } from './content-table.ts';
import type { DataWriter } from './data-writer.ts';
import { fingerprintOf } from './fingerprint.ts';
import { MAX_BLOCKS, NULL_ADDRESS } from './format.ts';
import { holeGrain } from './hole-grain.ts';
import type { TailStore } from './tail-store.ts';
import { imageTooLarge } from './unrepresentable.ts';

/** Data is looked up among earlier data in pieces of this many bytes, or of whole (smaller) files. */
const PIECE_SIZE = 65_536;

/** What a content writer works with. */
export interface ContentWriterSetup {
  readonly blockSize: number;
  readonly contents: ContentTable;
  readonly data: DataWriter;
  readonly tails: TailStore;
  /** Absent: everything is stored as often as it comes. */
  readonly duplicates?: FingerprintIndex;
  /** Tells how long the tail may be that is kept beside an inode of these attributes. */
  readonly maxTail: number;
}

/**
 * Stores contents: whole blocks go to the image at once, tails wait for their inodes. How a content arrives (whole,
 * in any chunks) makes no difference.
 */
export class ContentWriter {
  readonly #setup: ContentWriterSetup;
  readonly #blockSize: number;
  readonly #zeros: Buffer;
  readonly #tail: Uint8Array;
  #ref: ContentRef = 0;
  #size = 0;
  #path = '';
  /** Bytes that go into blocks. */
  #body = 0;
  /** Bytes taken. */
  #taken = 0;
  /** Bytes of the open piece, and what it will have. */
  #piece = 0;
  #pieceEnd = 0;
  /** Holes begin and end at multiples of this many bytes. */
  #grain = 0;
  #saved = 0;

  constructor(setup: ContentWriterSetup) {
    this.#setup = setup;
    this.#blockSize = setup.blockSize;
    this.#zeros = Buffer.alloc(PIECE_SIZE);
    this.#tail = new Uint8Array(setup.blockSize);
  }

  /** Bytes of blocks that were not stored, for they were there or zero. */
  get saved(): number {
    return this.#saved;
  }

  /**
   * Stores one content.
   *
   * @param content - its bytes
   * @param size - what they must amount to
   * @param path - for messages
   * @param extents - where its data is, when it is sparse
   * @returns its number; a promise only when a disk is to be waited for
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not `size` bytes
   */
  write(
    content: Content,
    size: number,
    path: string,
    extents?: readonly Extent[],
  ): ContentRef | Promise<ContentRef> {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${displayPath(path)}: a content of ${size} bytes`);
    }
    return this.store(this.#setup.contents.open(size), content, size, path, extents);
  }

  /**
   * Stores a content that has its number.
   *
   * @param ref - from the content table
   * @param content - as for {@link write}
   * @param size - as for {@link write}
   * @param path - as for {@link write}
   * @param extents - as for {@link write}
   */
  store(
    ref: ContentRef,
    content: Content,
    size: number,
    path: string,
    extents?: readonly Extent[],
  ): ContentRef | Promise<ContentRef> {
    this.#ref = ref;
    this.#begin(size, path, extents);
    if (!(content instanceof Uint8Array)) return this.#writeStream(content);
    if (content.length !== size) throw this.#wrongSize(content.length);
    const waiting = this.#bytes(content);
    return waiting === undefined ? this.#end() : waiting.then(() => this.#end());
  }

  async #writeStream(content: AsyncIterable<Uint8Array | { hole: number }>): Promise<ContentRef> {
    for await (const chunk of content) {
      await (isHole(chunk) ? this.#hole(chunk.hole) : this.#bytes(chunk));
    }
    if (this.#taken !== this.#size) throw this.#wrongSize(this.#taken);
    return this.#end();
  }

  #begin(size: number, path: string, extents: readonly Extent[] | undefined): void {
    const tail = size % this.#blockSize;
    this.#size = size;
    this.#path = path;
    // A tail too long to stand beside an inode is a block of its own.
    this.#body = tail > this.#setup.maxTail ? size : size - tail;
    this.#taken = 0;
    this.#piece = 0;
    this.#grain = holeGrain(size, this.#blockSize, extents);
  }

  #bytes(chunk: Uint8Array): undefined | Promise<void> {
    if (this.#taken + chunk.length > this.#size) throw this.#wrongSize(this.#taken + chunk.length);
    for (let from = 0; from < chunk.length; ) {
      if (this.#taken >= this.#body) {
        this.#tail.set(from === 0 ? chunk : chunk.subarray(from), this.#taken - this.#body);
        this.#taken += chunk.length - from;
        return undefined;
      }
      const waiting = this.#openPiece();
      if (waiting !== undefined) {
        const rest = chunk.subarray(from);
        return waiting.then(() => this.#bytes(rest));
      }
      const take = Math.min(chunk.length - from, this.#pieceEnd - this.#taken);
      this.#setup.data.put(from === 0 && take === chunk.length ? chunk : chunk.subarray(from, from + take));
      this.#advance(take);
      from += take;
    }
    return undefined;
  }

  async #hole(length: number): Promise<void> {
    if (this.#taken + length > this.#size) throw this.#wrongSize(this.#taken + length);
    for (let left = length; left > 0; ) {
      let take = left;
      if (this.#taken >= this.#body) {
        const at = this.#taken - this.#body;
        this.#tail.fill(0, at, at + take);
        this.#taken += take;
      } else if (this.#wholeZeros(left) > 0) {
        this.#endPiece();
        take = this.#wholeZeros(left);
        this.#addHole(take);
        this.#taken += take;
      } else {
        await this.#openPiece();
        const edge = this.#grain - (this.#taken % this.#grain);
        take = Math.min(left, edge, this.#pieceEnd - this.#taken);
        this.#setup.data.zeros(take);
        this.#advance(take);
      }
      left -= take;
    }
  }

  /** Bytes of a hole that are chunks of their own, the last one perhaps short. */
  #wholeZeros(hole: number): number {
    if (this.#taken % this.#grain !== 0) return 0;
    const left = this.#body - this.#taken;
    return hole >= left ? left : hole - (hole % this.#grain);
  }

  #openPiece(): undefined | Promise<void> {
    if (this.#piece > 0) return undefined;
    const next = (Math.floor(this.#taken / PIECE_SIZE) + 1) * PIECE_SIZE;
    this.#pieceEnd = Math.min(next, this.#body);
    return this.#setup.data.room(PIECE_SIZE);
  }

  #advance(count: number): void {
    this.#taken += count;
    this.#piece += count;
    if (this.#taken === this.#pieceEnd) this.#endPiece();
  }

  /** Settles where the piece is that was just appended: there, where an equal one is, or nowhere. */
  #endPiece(): void {
    if (this.#piece === 0) return;
    const { data, contents, duplicates } = this.#setup;
    const padding = padTo(this.#piece, this.#blockSize);
    data.zeros(padding);
    const length = this.#piece + padding;
    this.#piece = 0;
    const position = data.position - length;
    const address = position / this.#blockSize;
    const blocks = length / this.#blockSize;
    if (address + blocks > MAX_BLOCKS) throw imageTooLarge(this.#blockSize);
    if (duplicates !== undefined && this.#grain <= PIECE_SIZE) {
      const bytes = data.last(length);
      if (length === PIECE_SIZE && this.#isZero(bytes)) {
        data.takeBack(length);
        this.#addHole(length);
        return;
      }
      const fingerprint = fingerprintOf(bytes);
      const found = duplicates
        .candidates(fingerprint)
        .find((block) => data.equals(block * this.#blockSize, bytes));
      if (found === undefined) duplicates.add(fingerprint, address);
      if (found !== undefined && this.#worthSharing(found, length)) {
        data.takeBack(length);
        this.#saved += length;
        contents.addRun(found, blocks);
        return;
      }
    }
    contents.addRun(address, blocks);
  }

  /** A short piece that tears a file apart costs it a table and its place beside the inode. */
  #worthSharing(address: number, length: number): boolean {
    const last = this.#setup.contents.lastRun;
    return length === PIECE_SIZE || last === undefined || last.address + last.blocks === address;
  }

  #isZero(bytes: Buffer): boolean {
    return bytes[0] === 0 && bytes[bytes.length - 1] === 0 && this.#zeros.equals(bytes);
  }

  #addHole(length: number): void {
    this.#saved += length;
    this.#setup.contents.addRun(NULL_ADDRESS, Math.ceil(length / this.#blockSize));
  }

  #end(): ContentRef | Promise<ContentRef> {
    const { contents, data, tails } = this.#setup;
    const length = this.#size - this.#body;
    if (length === 0) return contents.close(this.#ref, NO_TAIL);
    const tail = this.#tail.subarray(0, length);
    const last = contents.lastRun;
    if (contents.openRuns === 0 || (contents.openRuns === 1 && last?.address !== NULL_ADDRESS))
      return contents.close(this.#ref, tails.add(tail));
    if (last?.address === NULL_ADDRESS && tail.every((byte) => byte === 0)) {
      this.#addHole(length);
      return contents.close(this.#ref, NO_TAIL);
    }
    // A content in several places has its tail in a block of its own.
    const store = (): ContentRef => {
      data.put(tail);
      this.#piece = length;
      this.#endPiece();
      return contents.close(this.#ref, NO_TAIL);
    };
    const waiting = data.room(this.#blockSize);
    return waiting === undefined ? store() : waiting.then(store);
  }

  #wrongSize(actual: number): OcirenderError {
    return new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${displayPath(this.#path)}: the content has ${actual} bytes where ${this.#size} were announced`,
    );
  }
}

function padTo(length: number, multiple: number): number {
  return (multiple - (length % multiple)) % multiple;
}
