import * as zlib from 'node:zlib';
import { FormatError, throwIfAborted } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import type { DecompressionEngine } from './engine.ts';
import { makeEngine } from './make-engine.ts';
import { readTrailing } from './trailing.ts';
import type { ZlibStream } from './zlib-engine.ts';
import { peekZstdHeader, skipZstdFrame, ZstdFrameScanner, zstdStart, zstdTruncated } from './zstd-frames.ts';

/** The part of Node >= 22.15 that the types of Node 20 lack. */
interface ZstdZlib {
  createZstdDecompress(options: object): ZlibStream;
  readonly constants: { readonly ZSTD_d_windowLogMax: number };
}

/** The format's own maximum on 64-bit machines; `maxWindowBytes` is checked before. */
const WINDOW_LOG_MAX = 31;

/**
 * Decompresses zstd (RFC 8878) of one or several frames, skippable ones among them.
 *
 * @param input - begins with a frame
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 * @throws {FormatError} when the data is damaged or ends early
 * @throws {LimitError} when a frame needs too large a window
 */
export async function* unzstd(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  if ('createZstdDecompress' in zlib) yield* streamFrames(zlib as unknown as ZstdZlib, input, context);
  else yield* unzstdByBlocks(input, context);
}

/**
 * The same for Node < 22.15, whose zlib has no zstd: by a decoder in JavaScript, a third as fast.
 *
 * @param input - begins with a frame
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 */
export async function* unzstdByBlocks(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  // Loaded here: newer Node has no need of it.
  const { decompressFrameByBlocks } = await import('./zstd-fallback.ts');
  for (let frames = 0; await enterFrame(frames, input, context); frames++) {
    yield* decompressFrameByBlocks(input, context);
    throwIfAborted(context.signal);
  }
}

/** zlib stops at the end of a frame and forgets what follows, so each write ends where a frame ends. */
async function* streamFrames(
  withZstd: ZstdZlib,
  input: ByteInput,
  context: CodecContext,
): AsyncGenerator<Uint8Array> {
  const params = { [withZstd.constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
  const engine = makeEngine((options) => withZstd.createZstdDecompress({ ...options, params }), context);
  yield* engine.run(async () => {
    for (let frames = 0; await enterFrame(frames, input, context); frames++) {
      await feedFrame(engine, input, context);
    }
  }, context.signal);
}

/** Passes over skippable frames; tells whether a frame follows, having read what is behind the last one. */
async function enterFrame(frames: number, input: ByteInput, context: CodecContext): Promise<boolean> {
  for (;;) {
    const start = await zstdStart(input);
    if (start === 'frame') return true;
    if (start === 'skippable') {
      await skipZstdFrame(input, context);
      continue;
    }
    const empty = input.offset === 0;
    if (start === 'cut' || (start === 'end' && empty)) {
      throw zstdTruncated(context, (await input.peek(4)).length + input.offset);
    }
    // LZ4 has the same skippable frames: foreign bytes are only overlooked behind zstd data.
    if (start === 'other' && frames === 0) {
      throw new FormatError(`${context.what} is not zstd data`, input.offset);
    }
    await readTrailing(input, context, 'zstd');
    return false;
  }
}

async function feedFrame(
  engine: DecompressionEngine,
  input: ByteInput,
  context: CodecContext,
): Promise<void> {
  const start = input.offset;
  const scanner = new ZstdFrameScanner(await peekZstdHeader(input, context), context);
  while (!scanner.done) {
    const piece = await input.next();
    if (piece === undefined) throw zstdTruncated(context, input.offset);
    const offset = input.offset - piece.length;
    const length = scanner.scan(piece, offset);
    input.unread(piece.subarray(length));
    try {
      await engine.write(piece.subarray(0, length));
    } catch (error) {
      throw damaged(error, offset, start, context);
    }
  }
}

function damaged(error: unknown, offset: number, frame: number, context: CodecContext): unknown {
  if (!(error instanceof Error) || !('errno' in error)) return error;
  const message = `${context.what}: the zstd frame that starts at byte ${frame} is damaged: ${error.message}`;
  return new FormatError(message, offset, { cause: error });
}
