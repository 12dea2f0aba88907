import { FormatError, LimitError } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import { peekZstdHeader, type ZstdFrameHeader, ZstdFrameScanner, zstdTruncated } from './zstd-frames.ts';

/** The library takes no larger window. */
const LIBRARY_WINDOW = 128 * 1024 * 1024;
/** That window as the header's byte spells it: exponent 27 - 10, mantissa 0. */
const LIBRARY_WINDOW_BYTE = (27 - 10) << 3;

const STREAMING_HINT = 'Use Node >= 22.15, which decompresses zstd as a stream.';

/** Longest chunk given out of a frame that was decompressed as a whole. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Decompresses one frame as a whole, for Node < 22.15, whose zlib has no zstd.
 *
 * @param input - stands before a frame's magic
 * @param context - `fallbackFrameBytes` bounds compressed and decompressed bytes together, before either is held
 * @returns decompressed chunks
 * @throws {LimitError} when the frame is larger
 * @throws {FormatError} when it is damaged or cut
 */
export async function* decompressFrameAtOnce(
  input: ByteInput,
  context: CodecContext,
): AsyncGenerator<Uint8Array> {
  const start = input.offset;
  const frame = await readFrame(input, context);
  const { decompress } = (await import('@mongodb-js/zstd')).default;
  let output: Uint8Array;
  try {
    output = await decompress(frame);
  } catch (error) {
    const message = `${context.what}: the zstd frame is damaged: ${(error as Error).message}`;
    throw new FormatError(message, start, { cause: error });
  }
  for (let at = 0; at < output.length; at += CHUNK_BYTES) yield output.subarray(at, at + CHUNK_BYTES);
}

async function readFrame(input: ByteInput, context: CodecContext): Promise<Buffer> {
  const header = await peekZstdHeader(input, context);
  const scanner = new ZstdFrameScanner(header, context);
  const parts: Uint8Array[] = [];
  let compressed = 0;
  checkFrame(header.contentSize ?? 0, context);
  while (!scanner.done) {
    const piece = await input.next();
    if (piece === undefined) throw zstdTruncated(context, input.offset);
    const length = scanner.scan(piece, input.offset - piece.length);
    input.unread(piece.subarray(length));
    compressed += length;
    // The content size is a promise that the library checks too late: what counts is the most that the blocks can give.
    checkFrame(compressed + scanner.outputBound, context);
    parts.push(piece.slice(0, length));
  }
  const frame = Buffer.concat(parts, compressed);
  if (header.windowSize > LIBRARY_WINDOW) narrowWindow(frame, header, scanner.outputBound, context);
  return frame;
}

/** Says in the header that a smaller window will do, which is so where the whole content is smaller. */
function narrowWindow(frame: Buffer, header: ZstdFrameHeader, bound: number, context: CodecContext): void {
  if (header.windowAt === undefined || (header.contentSize ?? bound) > LIBRARY_WINDOW) {
    throw new LimitError(
      'maxWindowBytes',
      LIBRARY_WINDOW,
      `${context.what} needs a zstd window of ${header.windowSize} bytes, too large for Node ${process.versions.node}`,
      { hint: STREAMING_HINT },
    );
  }
  frame[header.windowAt] = LIBRARY_WINDOW_BYTE;
}

function checkFrame(bytes: number, context: CodecContext): void {
  const maximum = context.limits.fallbackFrameBytes;
  if (bytes <= maximum) return;
  const message = `${context.what} has a zstd frame of ${bytes} bytes or more, and Node ${process.versions.node} can only decompress a frame as a whole`;
  throw new LimitError('fallbackFrameBytes', maximum, message, {
    hint: `${STREAMING_HINT} Or raise the limit fallbackFrameBytes if there is memory for it.`,
  });
}
