import { type DiagnosticCode, displayPath, FormatError } from '@ocirender/interface';
import { type Built, buildEntry } from './build-entry.ts';
import { ContentCursor } from './content-cursor.ts';
import type { TarEvent } from './events.ts';
import * as format from './format.ts';
import { checkBlock, HeaderBlock } from './header-block.ts';
import { DEFAULT_TAR_LIMITS, type TarLimits } from './limits.ts';
import { tarPadding } from './padding.ts';
import { Preamble } from './preamble.ts';
import { unmarkSocket } from './socket-record.ts';
import { SparsePreface } from './sparse-preface.ts';

/** How to read a tar. */
export interface TarReaderOptions {
  /** Limits that differ from {@link DEFAULT_TAR_LIMITS}. */
  limits?: Partial<TarLimits>;
  /** FIFOs that `encodeTarHeader` has marked as sockets are sockets. @defaultValue false */
  sockets?: boolean;
}

const BLOCK = format.BLOCK_SIZE;
const EMPTY = Buffer.alloc(0);

/** What comes next in the stream, once `#skip` is 0. */
type State = 'header' | 'second-zero' | 'preamble' | 'sparse-map' | 'content' | 'end';

/**
 * Reads a tar stream in any dialect (V7, ustar, star, GNU, PAX). Does no IO: chunks of any size go in, events
 * come out. Not to be used again after it has thrown.
 */
export class TarReader {
  readonly #limits: TarLimits;
  readonly #sockets: boolean;
  readonly #preamble: Preamble;
  readonly #content: ContentCursor = new ContentCursor();
  /** Events of what was taken; the first {@link #given} of them were given. */
  readonly #pending: TarEvent[] = [];
  #given = 0;
  /** What was fed, and how much of it is taken. */
  #chunk: Buffer = EMPTY;
  #at = 0;
  #offset = 0;
  #state: State = 'header';
  /** A block that is spread over several chunks. */
  readonly #block: Buffer = Buffer.alloc(BLOCK);
  #blockFill = 0;
  /** Bytes to pass over; the last `#padding` of them may be missing at the end of the stream. */
  #skip = 0;
  #padding = 0;
  /** First header block of the entry whose headers are being read; -1 between entries. */
  #entryStart = -1;
  /** The entry being read. */
  #built: Built | undefined;
  #builtStart = 0;
  #sparse: SparsePreface | undefined;
  #trailingReported = false;

  constructor(options: TarReaderOptions = {}) {
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...options.limits };
    this.#sockets = options.sockets ?? false;
    this.#preamble = new Preamble(this.#limits, (code, message) => this.#diagnose(code, message));
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Takes the next bytes of the archive.
   *
   * @param chunk - any number of bytes; `data` events are views on it
   * @returns the events that became complete; drain it before the next call
   * @throws {FormatError} when the bytes are no tar
   * @throws {LimitError} when a limit is met
   */
  *write(chunk: Uint8Array): Generator<TarEvent> {
    this.feed(chunk);
    for (let event = this.poll(); event !== undefined; event = this.poll()) yield event;
  }

  /**
   * Takes the next bytes, as {@link TarReader.write} does, for readers of millions of entries: {@link TarReader.poll}
   * gives the events, and makes no objects but theirs.
   *
   * @param chunk - left alone until `poll` has given undefined
   */
  feed(chunk: Uint8Array): void {
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
  }

  /**
   * Gives the next event of the bytes that were fed.
   *
   * @returns undefined when more bytes are needed
   * @throws {FormatError} when the bytes are no tar
   * @throws {LimitError} when a limit is met
   */
  poll(): TarEvent | undefined {
    for (;;) {
      if (this.#given < this.#pending.length) return this.#pending[this.#given++];
      this.#pending.length = this.#given = 0;
      if (this.#at === this.#chunk.length) return undefined;
      if (this.#skip === 0 && this.#state === 'content') return this.#takeContent();
      this.#advance();
    }
  }

  /** Takes bytes that are no content: at least one. */
  #advance(): void {
    const bytes = this.#chunk;
    const from = this.#at;
    const base = this.#offset - from;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length - from);
      this.#skip -= skipped;
      this.#at += skipped;
    } else if (this.#state === 'preamble') {
      this.#at = this.#takePreamble(bytes, from);
    } else if (this.#state === 'end') {
      this.#checkTrailing(bytes, from, base);
      this.#at = bytes.length;
    } else {
      this.#at = this.#takeBlockBytes(bytes, from, base);
    }
    this.#offset = base + this.#at;
  }

  #takeContent(): TarEvent {
    const from = this.#at;
    const length = Math.min(this.#content.left, this.#chunk.length - from);
    this.#at += length;
    this.#offset += length;
    this.#content.left -= length;
    if (this.#content.left === 0 && !this.#content.advance(this.#pending)) this.#endBody();
    return { type: 'data', bytes: this.#chunk.subarray(from, from + length) };
  }

  /**
   * Ends the input.
   *
   * @returns a diagnostic where the end-of-archive blocks are missing
   * @throws {FormatError} `ERR_OCIRENDER_TRUNCATED` when the input ends inside an entry
   */
  *finish(): Generator<TarEvent> {
    if (this.#state === 'end') return;
    const isBoundary = this.#state === 'header' || this.#state === 'second-zero';
    const isBlockOpen = this.#block.subarray(0, this.#blockFill).some((byte) => byte !== 0);
    if (!isBoundary || isBlockOpen || this.#skip > this.#padding || this.#entryStart >= 0) {
      const where =
        this.#built === undefined ? 'a header' : `the entry "${displayPath(this.#built.entry.path)}"`;
      throw new FormatError(`tar: the archive ends inside ${where}`, this.#offset, {
        code: 'ERR_OCIRENDER_TRUNCATED',
      });
    }
    this.#state = 'end';
    yield {
      type: 'diagnostic',
      code: 'missing-end-of-archive',
      message: 'the tar has no end-of-archive blocks',
    };
  }

  #takeBlockBytes(bytes: Buffer, at: number, base: number): number {
    if (this.#blockFill === 0 && bytes.length - at >= BLOCK) {
      this.#takeBlock(bytes.subarray(at, at + BLOCK), base + at);
      return at + BLOCK;
    }
    const copied = bytes.copy(this.#block, this.#blockFill, at, at + BLOCK - this.#blockFill);
    this.#blockFill += copied;
    if (this.#blockFill === BLOCK) {
      this.#blockFill = 0;
      this.#takeBlock(this.#block, base + at + copied - BLOCK);
    }
    return at + copied;
  }

  #takeBlock(block: Buffer, offset: number): void {
    if (this.#state === 'header') this.#takeHeader(block, offset);
    else if (this.#state === 'second-zero') this.#takeSecondZero(block, offset);
    else this.#takeSparseMap(block, offset);
  }

  #takeHeader(block: Buffer, offset: number): void {
    this.#built = undefined;
    const kind = checkBlock(block);
    if (kind === 'zero') {
      if (this.#entryStart >= 0)
        this.#diagnose('pax-record-ignored', 'a PAX or long-name header has no entry');
      this.#entryStart = -1;
      this.#state = 'second-zero';
      return;
    }
    if (kind === 'bad-checksum') throw new FormatError('tar: a header with a wrong checksum', offset);
    const header = new HeaderBlock(block, offset);
    if (header.isPreamble()) {
      if (this.#entryStart < 0) this.#entryStart = offset;
      this.#state = 'preamble';
      if (this.#preamble.begin(header) === 0) this.#endPreamble(0);
      return;
    }
    if (header.type === format.TYPE_GNU_VOLUME_LABEL) {
      this.#diagnose('volume-label-skipped', `the volume label "${displayPath(header.path())}" is no entry`);
      this.#skipLabel(header.number(format.SIZE, 'size', 0, Number.MAX_SAFE_INTEGER));
      return;
    }
    this.#beginEntry(buildEntry(header, this.#preamble, this.#limits), block, offset);
  }

  #skipLabel(size: number): void {
    this.#preamble.reset();
    this.#entryStart = -1;
    this.#padding = tarPadding(size);
    this.#endBody(size);
  }

  /** One zero block ends the archive already, as in GNU tar and libarchive; a second one is usual. */
  #takeSecondZero(block: Buffer, offset: number): void {
    this.#state = 'end';
    if (checkBlock(block) !== 'zero') this.#reportTrailing(offset);
  }

  #takePreamble(bytes: Buffer, at: number): number {
    const taken = this.#preamble.take(bytes, at);
    if (this.#preamble.isComplete) this.#endPreamble(this.#preamble.size);
    return at + taken;
  }

  #endPreamble(size: number): void {
    this.#state = 'header';
    this.#skip = tarPadding(size);
    this.#padding = 0;
    // A global header belongs to no entry.
    if (!this.#preamble.isLocalPending) this.#entryStart = -1;
  }

  #beginEntry(built: Built, block: Buffer, offset: number): void {
    if (this.#sockets) unmarkSocket(built.entry);
    this.#built = built;
    this.#builtStart = this.#entryStart < 0 ? offset : this.#entryStart;
    this.#entryStart = -1;
    this.#preamble.reset();
    if (built.sparse === 'none') {
      this.#emit(built, built.stored);
      return;
    }
    this.#sparse = new SparsePreface(built, this.#limits.sparseExtents);
    if (this.#sparse.begin(block, offset)) this.#emitSparse(this.#sparse, offset);
    else this.#state = 'sparse-map';
  }

  #takeSparseMap(block: Buffer, offset: number): void {
    const sparse = this.#sparse!;
    if (sparse.take(block, offset)) this.#emitSparse(sparse, offset);
  }

  #emitSparse(sparse: SparsePreface, offset: number): void {
    this.#sparse = undefined;
    this.#emit(sparse.built, sparse.complete(offset));
  }

  #emit(built: Built, stored: number): void {
    const { entry } = built;
    this.#pending.push({ type: 'entry', entry, offset: this.#builtStart });
    this.#padding = tarPadding(stored);
    if (entry.type !== 'file' || entry.size === 0) this.#endBody(stored);
    else if (this.#content.begin(entry.size, entry.extents, this.#pending)) this.#state = 'content';
    else this.#endBody();
  }

  /** Passes over `unread` bytes and the padding, to the next header. */
  #endBody(unread = 0): void {
    this.#skip = unread + this.#padding;
    this.#state = 'header';
  }

  #checkTrailing(bytes: Buffer, at: number, base: number): void {
    if (this.#trailingReported) return;
    let index = at;
    while (index < bytes.length && bytes[index] === 0) index++;
    if (index < bytes.length) this.#reportTrailing(base + index);
  }

  #reportTrailing(offset: number): void {
    this.#trailingReported = true;
    this.#diagnose('trailing-data', `data after the end of the tar, from byte ${offset}, was ignored`);
  }

  #diagnose(code: DiagnosticCode, message: string): void {
    this.#pending.push({ type: 'diagnostic', code, message });
  }
}
