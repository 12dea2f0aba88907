import { FormatError, OcirenderError } from '@ocirender/interface';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import {
  peekZstdHeader,
  readZstdBlock,
  ZSTD_BLOCK_HEADER,
  type ZstdFrameHeader,
  zstdTruncated,
} from './zstd-frames.ts';

/** The library moves its whole window for each block: a larger one would take hours. */
const LIBRARY_WINDOW = 128 * 1024 * 1024;

const CHECKSUM_SIZE = 4;
const DESCRIPTOR = 4;

/**
 * Decompresses one frame block by block, for Node < 22.15, whose zlib has no zstd. Memory holds the frame's window and
 * two blocks.
 *
 * @param input - stands before a frame's magic
 * @param context - limits and messages
 * @param largestWindow - bytes: frames with a larger one are read as far as this one does
 * @returns decompressed chunks, each of at most 128 KiB
 * @throws {LimitError} `maxWindowBytes` when the window is larger than is allowed
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when it is larger than 128 MiB, and the content too
 * @throws {FormatError} when it is damaged or cut
 */
export async function* decompressFrameByBlocks(
  input: ByteInput,
  context: CodecContext,
  largestWindow: number = LIBRARY_WINDOW,
): AsyncGenerator<Uint8Array> {
  const start = input.offset;
  const header = await peekZstdHeader(input, context);
  const hash = header.hasChecksum ? (await xxhash()).create64() : undefined;
  let output: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => output.push(chunk));
  const damaged = (problem: string, cause?: unknown): FormatError =>
    new FormatError(`${context.what}: the zstd frame is damaged: ${problem}`, start, { cause });
  const push = (bytes: Uint8Array, last = false): void => {
    try {
      decoder.push(bytes, last);
    } catch (error) {
      throw damaged((error as Error).message, error);
    }
  };

  const head = await input.take(header.size);
  const dictionary = [0, 1, 2, 4][(head[DESCRIPTOR] as number) & 3] as number;
  const dictionaryAt = DESCRIPTOR + 1 + (header.windowAt === undefined ? 0 : 1);
  if (head.subarray(dictionaryAt, dictionaryAt + dictionary).some((byte) => byte !== 0))
    throw damaged('it was made with a dictionary');
  push(plainHeader(header, largestWindow));
  let size = 0;
  for (let last = false; !last; ) {
    const blockHead = await input.take(ZSTD_BLOCK_HEADER);
    if (blockHead.length < ZSTD_BLOCK_HEADER) throw zstdTruncated(context, input.offset);
    const block = readZstdBlock(blockHead, context, input.offset);
    ({ last } = block);
    const body = await input.take(block.stored);
    if (body.length < block.stored) throw zstdTruncated(context, input.offset);
    push(blockHead);
    push(body, last);
    for (const chunk of output) {
      size += chunk.length;
      // Up to here a smaller window was as good as the frame's own.
      if (size > largestWindow && header.windowSize > largestWindow)
        throw windowTooLarge(header.windowSize, context);
      if (chunk.length > 0) {
        hash?.update(chunk);
        yield chunk;
      }
    }
    output = [];
  }
  if (header.contentSize !== undefined && header.contentSize !== size)
    throw damaged(`it has ${size} bytes where it announces ${header.contentSize}`);
  if (hash === undefined) return;
  const checksum = await input.take(CHECKSUM_SIZE);
  if (checksum.length < CHECKSUM_SIZE) throw zstdTruncated(context, input.offset);
  const expected = new DataView(checksum.buffer, checksum.byteOffset).getUint32(0, true);
  if (Number(hash.digest() & 0xffff_ffffn) !== expected) throw damaged('its checksum is wrong');
}

/**
 * Makes the header that the library gets: one with no more window than the content can need, and with nothing that we
 * check ourselves.
 */
function plainHeader({ windowSize, contentSize }: ZstdFrameHeader, largest: number): Uint8Array {
  const needed = Math.min(windowSize, contentSize ?? windowSize, largest);
  const log = Math.max(10, Math.ceil(Math.log2(Math.max(needed, 1))));
  return Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3);
}

function windowTooLarge(windowSize: number, context: CodecContext): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    `${context.what} needs a zstd window of ${windowSize} bytes, too large for Node ${process.versions.node}`,
    { hint: 'Use Node >= 22.15, whose own zstd takes windows of up to 2 GiB.' },
  );
}
