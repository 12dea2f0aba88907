import {
  type Content,
  type ContentChunk,
  type ContentRef,
  displayPath,
  isHole,
  OcirenderError,
} from '@ocirender/interface';
import type { BlockStream } from './block-stream.ts';
import type { ContentTable } from './content-table.ts';
import { MAX_FILE_BLOCKS } from './format.ts';
import type { BlockRun, Geometry } from './geometry.ts';

/** Writes contents to their final blocks as they come. Holes and blocks of zeros take no blocks. */
export class ContentWriter {
  readonly #geometry: Geometry;
  readonly #blockSize: number;
  readonly #contents: ContentTable;
  readonly #stream: BlockStream;
  readonly #zeros: Buffer;
  readonly #partial: Uint8Array;
  #run: BlockRun;

  constructor(geometry: Geometry, contents: ContentTable, stream: BlockStream, run: BlockRun) {
    this.#geometry = geometry;
    this.#blockSize = geometry.blockSize;
    this.#contents = contents;
    this.#stream = stream;
    this.#zeros = Buffer.alloc(geometry.blockSize);
    this.#partial = new Uint8Array(geometry.blockSize);
    this.#run = run;
  }

  /** The block after the last that contents have taken. */
  get end(): number {
    return this.#stream.position / this.#blockSize;
  }

  /**
   * Stores one content.
   *
   * @param content - its bytes
   * @param size - what they must amount to
   * @param path - for messages
   * @returns its number; a promise only when the disk is to be waited for
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not `size` bytes,
   * `ERR_OCIRENDER_SINK_EXT4_FILE_SIZE` when they have more blocks than ext4 can number
   */
  write(content: Content, size: number, path: string): ContentRef | Promise<ContentRef> {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${displayPath(path)}: a content of ${size} bytes`);
    }
    if (Math.ceil(size / this.#blockSize) > MAX_FILE_BLOCKS) throw tooLarge(path, size, this.#blockSize);
    this.#stream.check();
    if (!(content instanceof Uint8Array)) return this.#writeStream(content, size, path);
    if (content.length !== size) throw sizeError(path, size, content.length);
    const ref = this.#contents.begin(size);
    if (Math.ceil(size / this.#blockSize) <= this.#room()) {
      this.#put(content, 0, size, 0);
      return ref;
    }
    return this.#putAll(content, 0, size, 0).then(() => ref);
  }

  async #writeStream(content: AsyncIterable<ContentChunk>, size: number, path: string): Promise<ContentRef> {
    const ref = this.#contents.begin(size);
    const block = this.#blockSize;
    let taken = 0;
    for await (const chunk of content) {
      const length = isHole(chunk) ? chunk.hole : chunk.length;
      if (taken + length > size) throw sizeError(path, size, taken + length);
      let from = 0;
      const within = taken % block;
      if (within > 0) {
        from = Math.min(block - within, length);
        this.#gather(chunk, 0, from, within);
        if (within + from === block) await this.#putAll(this.#partial, 0, block, (taken - within) / block);
      }
      const rest = (length - from) % block;
      // A hole's whole blocks are nowhere.
      if (!isHole(chunk) && length - rest > from) {
        await this.#putAll(chunk, from, length - rest, (taken + from) / block);
      }
      if (rest > 0 && length - rest >= from) this.#gather(chunk, length - rest, length, 0);
      taken += length;
    }
    if (taken !== size) throw sizeError(path, size, taken);
    const tail = size % block;
    if (tail > 0) await this.#putAll(this.#partial, 0, tail, (size - tail) / block);
    return ref;
  }

  /** Keeps bytes of a block that is not complete yet. */
  #gather(chunk: ContentChunk, from: number, to: number, at: number): void {
    if (isHole(chunk)) this.#partial.fill(0, at, at + to - from);
    else this.#partial.set(chunk.subarray(from, to), at);
  }

  /** Blocks that can be put at once. */
  #room(): number {
    const inRun = this.#run.end - this.end;
    return Math.min(inRun, Math.floor(this.#stream.space / this.#blockSize));
  }

  /** Puts bytes that begin at a block's start, waiting for the disk where needed. */
  async #putAll(bytes: Uint8Array, start: number, end: number, block: number): Promise<void> {
    let logical = block;
    for (let from = start; from < end; ) {
      let room = this.#room();
      if (room === 0) {
        await this.#makeRoom();
        room = this.#room();
      }
      const to = Math.min(end, from + room * this.#blockSize);
      this.#put(bytes, from, to, logical);
      logical += room;
      from = to;
    }
  }

  async #makeRoom(): Promise<void> {
    await this.#stream.flush();
    if (this.end < this.#run.end) return;
    this.#run = this.#geometry.nextRun(this.end);
    await this.#stream.seek(this.#run.start * this.#blockSize);
  }

  /** Puts bytes for which there is room. The last block is filled up with zeros. */
  #put(bytes: Uint8Array, start: number, end: number, block: number): void {
    const size = this.#blockSize;
    let logical = block;
    let from = start;
    while (from < end) {
      while (from < end && this.#isZero(bytes, from, Math.min(from + size, end))) {
        from += size;
        logical++;
      }
      let to = from;
      while (to < end && (to === from || !this.#isZero(bytes, to, Math.min(to + size, end)))) to += size;
      if (to === from) return;
      const last = Math.min(to, end);
      const count = (to - from) / size;
      this.#contents.add(logical, this.end, count);
      this.#stream.put(bytes, from, last);
      if (last < to) this.#stream.zeros(to - last);
      logical += count;
      from = to;
    }
  }

  #isZero(bytes: Uint8Array, from: number, to: number): boolean {
    if (bytes[from] !== 0 || bytes[to - 1] !== 0 || bytes[(from + to) >>> 1] !== 0) return false;
    return this.#zeros.compare(bytes, from, to, 0, to - from) === 0;
  }
}

function sizeError(path: string, expected: number, actual: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `${displayPath(path)}: the content has ${actual} bytes where ${expected} were announced`,
  );
}

function tooLarge(path: string, size: number, blockSize: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EXT4_FILE_SIZE',
    `${displayPath(path)}: a file of ${size} bytes has more blocks of ${blockSize} bytes than ext4 can number (2^32)`,
    { hint: 'Choose a larger block size.' },
  );
}
