import { FormatError, throwIfAborted } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import { LzmaDecoder, type LzmaStep } from './lzma-decoder.ts';
import { detectCompression } from './magic.ts';
import { readTrailing } from './trailing.ts';
import { XzScanner } from './xz-scanner.ts';

const MAGIC_SIZE = 6;
/** Zeros between streams come in fours (section 2.2). */
const PADDING_UNIT = 4;

/**
 * Decompresses xz of one or several streams, with padding between them.
 *
 * @param input - begins with a stream
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 * @throws {FormatError} when the data is damaged or ends early
 * @throws {LimitError} when a dictionary is too large
 */
export async function* unxz(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  const head = await input.peek(MAGIC_SIZE);
  if (head.length < MAGIC_SIZE) throw truncated(context, head.length);
  if (detectCompression(head) !== 'xz') throw new FormatError(`${context.what} is not xz data`, 0);
  do yield* decodeStream(input, context);
  while (await enterStream(input, context));
}

async function* decodeStream(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  const decoder = await LzmaDecoder.open('xz');
  try {
    const scanner = new XzScanner(context);
    let running: Promise<LzmaStep> | undefined;
    let start = input.offset;
    do {
      const next = scanner.done ? undefined : await nextSlice(scanner, input, context);
      const step = await running;
      const offset = start;
      start = input.offset;
      // One slice is decoded while the consumer works on the one before.
      const over = step?.error !== undefined || step?.ended === true;
      running = next === undefined || over ? undefined : decoder.code(next);
      if (step === undefined) continue;
      yield* step.chunks;
      throwIfAborted(context.signal);
      const rightEnd = step.ended === (next === undefined);
      if (step.error !== undefined || !rightEnd) throw damaged(step.error, offset, context);
    } while (running !== undefined);
  } finally {
    decoder.close();
  }
}

async function nextSlice(scanner: XzScanner, input: ByteInput, context: CodecContext): Promise<Uint8Array> {
  const piece = await input.next();
  if (piece === undefined) throw truncated(context, input.offset);
  const length = scanner.scan(piece, input.offset - piece.length);
  input.unread(piece.subarray(length));
  return piece.subarray(0, length);
}

/** Tells whether another stream follows, having read what is behind the last one. */
async function enterStream(input: ByteInput, context: CodecContext): Promise<boolean> {
  const start = input.offset;
  for (let piece = await input.next(); piece !== undefined; piece = await input.next()) {
    const found = piece.findIndex((byte) => byte !== 0);
    if (found < 0) continue;
    input.unread(piece.subarray(found));
    const head = await input.peek(MAGIC_SIZE);
    if (detectCompression(head) !== 'xz') break;
    if ((input.offset - start) % PADDING_UNIT === 0) return true;
    throw new FormatError(`${context.what}: xz streams are padded in units of 4 bytes`, input.offset);
  }
  await readTrailing(input, context, 'xz');
  return false;
}

function truncated(context: CodecContext, offset: number): FormatError {
  return new FormatError(`${context.what}: the xz data ends early`, offset, {
    code: 'ERR_OCIRENDER_TRUNCATED',
  });
}

function damaged(cause: Error | undefined, offset: number, context: CodecContext): FormatError {
  const reason = cause?.message ?? 'it does not end where its structure says';
  return new FormatError(`${context.what}: the xz data is damaged: ${reason}`, offset, { cause });
}
