import { FormatError, LimitError } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';

/** RFC 8878, section 3.1. */
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAGIC_SIZE = 4;
/** Largest frame header behind the magic: descriptor, window, dictionary id, content size. */
const MAX_HEADER = 14;
/** Bytes of a block's header. */
export const ZSTD_BLOCK_HEADER = 3;
const CHECKSUM_SIZE = 4;
const MAX_BLOCK = 128 * 1024;
const BLOCK_RLE = 1;
const BLOCK_COMPRESSED = 2;
/** Headers of literals and of sequences (section 3.1.1.3): fewer bytes are no block. */
const MIN_COMPRESSED = 2;

/** What a frame's header says. */
export interface ZstdFrameHeader {
  /** Length of magic and header in bytes. */
  readonly size: number;
  /** Decompressed size in bytes, where the header has it. */
  readonly contentSize: number | undefined;
  /** Window in bytes. */
  readonly windowSize: number;
  /** Offset of the byte with the window's size; undefined where the window is the content. */
  readonly windowAt: number | undefined;
  readonly hasChecksum: boolean;
}

/** What stands at the input's position. */
export type ZstdStart = 'frame' | 'skippable' | 'end' | 'cut' | 'other';

/**
 * Tells what the next four bytes begin.
 *
 * @param input - stands between frames
 * @returns `cut` when the input ends within a magic, `other` for foreign bytes
 */
export async function zstdStart(input: ByteInput): Promise<ZstdStart> {
  const head = await input.peek(MAGIC_SIZE);
  if (head.length === 0) return 'end';
  if (head.length < MAGIC_SIZE) return isMagicPrefix(head) ? 'cut' : 'other';
  const magic = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true);
  if (magic === MAGIC) return 'frame';
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC ? 'skippable' : 'other';
}

function isMagicPrefix(head: Uint8Array): boolean {
  const first = head[0]!;
  const rest = first === 0x28 ? [0xb5, 0x2f] : (first & 0xf0) === 0x50 ? [0x2a, 0x4d] : undefined;
  return rest !== undefined && head.subarray(1).every((byte, i) => byte === rest[i]);
}

/**
 * Passes over a skippable frame (section 3.1.2).
 *
 * @param input - stands before its magic
 * @param context - for messages
 * @throws {FormatError} when it is cut
 */
export async function skipZstdFrame(input: ByteInput, context: CodecContext): Promise<void> {
  const head = await input.take(2 * MAGIC_SIZE);
  if (head.length < 2 * MAGIC_SIZE) throw zstdTruncated(context, input.offset);
  let left = new DataView(head.buffer, head.byteOffset).getUint32(MAGIC_SIZE, true);
  while (left > 0) {
    const piece = await input.next();
    if (piece === undefined) throw zstdTruncated(context, input.offset);
    const passed = Math.min(left, piece.length);
    input.unread(piece.subarray(passed));
    left -= passed;
  }
}

/**
 * Reads a frame's header without taking it (section 3.1.1.1).
 *
 * @param input - stands before the magic of a frame
 * @param context - limits and messages
 * @returns what the header says
 * @throws {FormatError} when it is cut or uses what is reserved
 * @throws {LimitError} when its window is larger than `maxWindowBytes`
 */
export async function peekZstdHeader(input: ByteInput, context: CodecContext): Promise<ZstdFrameHeader> {
  const head = await input.peek(MAGIC_SIZE + MAX_HEADER);
  const at = input.offset;
  if (head.length < MAGIC_SIZE + 1) throw zstdTruncated(context, at + head.length);
  const descriptor = head[MAGIC_SIZE]!;
  if ((descriptor & 0x08) !== 0)
    throw new FormatError(`${context.what}: reserved bit in a zstd frame header`, at);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  let position = MAGIC_SIZE + 1;
  const windowAt = position;
  if (!singleSegment) position++;
  position += dictionaryBytes;
  const size = position + sizeBytes;
  if (head.length < size) throw zstdTruncated(context, at + head.length);

  let contentSize: number | undefined;
  if (sizeBytes > 0) {
    let value = 0;
    for (let i = sizeBytes - 1; i >= 0; i--) value = value * 256 + head[position + i]!;
    contentSize = sizeBytes === 2 ? value + 256 : value;
  }
  const window = head[windowAt]!;
  const windowBase = 2 ** (10 + (window >> 3));
  const windowSize = singleSegment ? (contentSize ?? 0) : windowBase + (windowBase / 8) * (window & 7);
  if (windowSize > context.limits.maxWindowBytes) {
    throw new LimitError(
      'maxWindowBytes',
      context.limits.maxWindowBytes,
      `${context.what} needs a zstd window of ${windowSize} bytes`,
    );
  }
  return {
    size,
    contentSize,
    windowSize,
    windowAt: singleSegment ? undefined : windowAt,
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

/** What a block's header says (section 3.1.1.2). */
export interface ZstdBlock {
  /** Whether it is the frame's last one. */
  readonly last: boolean;
  /** Bytes behind the header. */
  readonly stored: number;
}

/**
 * Reads a block's header.
 *
 * @param bytes - {@link ZSTD_BLOCK_HEADER} bytes
 * @param context - for messages
 * @param offset - where it ends in the input
 * @throws {FormatError} when it uses what is reserved
 */
export function readZstdBlock(bytes: Uint8Array, context: CodecContext, offset: number): ZstdBlock {
  const [low = 0, middle = 0, high = 0] = bytes;
  return parseBlock(low | (middle << 8) | (high << 16), context, offset);
}

function parseBlock(header: number, context: CodecContext, offset: number): ZstdBlock {
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (type > 2) throw new FormatError(`${context.what}: reserved zstd block type`, offset);
  if (type === BLOCK_COMPRESSED && size < MIN_COMPRESSED)
    throw new FormatError(`${context.what}: compressed zstd block of ${size} bytes`, offset);
  if (size > MAX_BLOCK) throw new FormatError(`${context.what}: zstd block of ${size} bytes`, offset);
  return { last: (header & 1) !== 0, stored: type === BLOCK_RLE ? 1 : size };
}

/**
 * Follows a frame's blocks (section 3.1.1.2), so that its end is known without decompressing it.
 */
export class ZstdFrameScanner {
  /** The frame is complete. */
  done = false;
  readonly #header: ZstdFrameHeader;
  readonly #context: CodecContext;
  #skip: number;
  #blockHeader = 0;
  #blockHeaderBytes = 0;
  #last = false;

  constructor(header: ZstdFrameHeader, context: CodecContext) {
    this.#header = header;
    this.#context = context;
    this.#skip = header.size;
  }

  /**
   * Goes over more bytes of the frame.
   *
   * @param bytes - the bytes that follow those seen before
   * @param offset - where they are in the input, for messages
   * @returns how many of them belong to the frame
   */
  scan(bytes: Uint8Array, offset: number): number {
    let at = 0;
    while (at < bytes.length) {
      const passed = Math.min(this.#skip, bytes.length - at);
      this.#skip -= passed;
      at += passed;
      if (this.#skip > 0) break;
      if (this.#last) {
        this.done = true;
        break;
      }
      if (at === bytes.length) break;
      this.#blockHeader += bytes[at]! * 256 ** this.#blockHeaderBytes;
      at++;
      if (++this.#blockHeaderBytes === ZSTD_BLOCK_HEADER) this.#enterBlock(offset + at);
    }
    return at;
  }

  #enterBlock(offset: number): void {
    const header = parseBlock(this.#blockHeader, this.#context, offset);
    this.#blockHeader = 0;
    this.#blockHeaderBytes = 0;
    this.#skip = header.stored;
    if (!header.last) return;
    this.#last = true;
    if (this.#header.hasChecksum) this.#skip += CHECKSUM_SIZE;
    // An empty last block without a checksum ends the frame here.
    if (this.#skip === 0) this.done = true;
  }
}

/**
 * Makes the error of a zstd stream that ends early.
 *
 * @param context - for the message
 * @param offset - where it ends
 * @returns the error
 */
export function zstdTruncated(context: CodecContext, offset: number): FormatError {
  return new FormatError(`${context.what}: the zstd data ends early`, offset, {
    code: 'ERR_OCIRENDER_TRUNCATED',
  });
}
