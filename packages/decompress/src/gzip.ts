import * as zlib from 'node:zlib';
import { FormatError } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import type { DecompressionEngine } from './engine.ts';
import { makeEngine } from './make-engine.ts';
import { readTrailing, reportTrailing } from './trailing.ts';
import type { ZlibStream } from './zlib-engine.ts';

/**
 * Unless they look like a member's end, the last bytes of the input go to zlib one by one, so that the end of the
 * last member is known exactly: zlib drops the output of a call in which a member ends and foreign bytes follow.
 */
const TAIL_BYTES = 512;

/** Most that deflate makes of a byte. */
const MAX_RATIO = 1032;

/** What zlib says when the bytes behind a member are not `1f 8b`. */
const NOT_A_MEMBER = 'incorrect header check';

/**
 * Decompresses gzip (RFC 1952) of one or several members; zlib checks each member's CRC and length.
 *
 * @param input - begins with `1f 8b`
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 * @throws {FormatError} when the data is damaged or ends early
 */
export async function* gunzip(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  const head = await input.peek(2);
  if (head.length < 2) throw truncated(context, input.offset + head.length);
  if (head[0] !== 0x1f || head[1] !== 0x8b) throw new FormatError(`${context.what} is not gzip data`, 0);
  const engine = makeEngine((options) => zlib.createGunzip(options) as unknown as ZlibStream, context);
  yield* engine.run(async () => {
    const tail = await feedBody(engine, input, context);
    const foreign = tail === undefined ? undefined : await feedTail(engine, tail, input, context);
    if (foreign === undefined) await readTrailing(input, context, 'gzip');
    else reportTrailing(context, 'gzip', foreign, input.offset);
  }, context.signal);
}

/**
 * Feeds everything but the last bytes.
 *
 * @returns those, or undefined when zlib saw the end (zeros after a member) before
 */
async function feedBody(
  engine: DecompressionEngine,
  input: ByteInput,
  context: CodecContext,
): Promise<Uint8Array | undefined> {
  let held = new Uint8Array(0);
  for (let piece = await input.next(); piece !== undefined; piece = await input.next()) {
    const kept = Math.min(TAIL_BYTES, held.length + piece.length);
    const fromHeld = Math.max(0, kept - piece.length);
    const ready = [
      held.subarray(0, held.length - fromHeld),
      piece.subarray(0, piece.length - (kept - fromHeld)),
    ];
    const rest = Buffer.concat([
      held.subarray(held.length - fromHeld),
      piece.subarray(piece.length - (kept - fromHeld)),
    ]);
    for (const [i, slice] of ready.entries()) {
      if (slice.length === 0) continue;
      const taken = await feed(engine, slice, context);
      if (taken === slice.length) continue;
      input.unread(rest);
      if (i === 0) input.unread(ready[1]!);
      input.unread(slice.subarray(taken));
      return undefined;
    }
    held = rest;
  }
  return held;
}

async function feed(engine: DecompressionEngine, slice: Uint8Array, context: CodecContext): Promise<number> {
  try {
    return await engine.write(slice);
  } catch (error) {
    throw damaged(error, engine.consumed, context);
  }
}

/**
 * Feeds the last bytes of the input singly and makes sure that the last member is complete.
 *
 * @returns the offset of foreign bytes behind it, if zlib found some
 */
async function feedTail(
  engine: DecompressionEngine,
  tail: Uint8Array,
  input: ByteInput,
  context: CodecContext,
): Promise<number | undefined> {
  engine.collect();
  const step = looksLikeEnd(tail, engine.produced) ? tail.length : 1;
  for (let i = 0; i < tail.length; i += step) {
    engine.collect();
    try {
      const taken = await engine.write(tail.subarray(i, i + step));
      if (taken === step) continue;
      input.unread(tail.subarray(i + taken));
      return undefined;
    } catch (error) {
      if (!isNotAMember(error) || step > 1) throw damaged(error, engine.consumed, context);
      // zlib needs two bytes to tell: it took the first without a word.
      return engine.consumed - 1;
    }
  }
  return await probeEnd(engine, tail, context);
}

/**
 * Finds out whether zlib stands behind a complete member: there, and only there, it refuses `ff ff` as the
 * header of a next one. (Ending the stream instead would not tell a stray last byte from a cut member.)
 *
 * @returns the offset of a stray last byte
 */
async function probeEnd(
  engine: DecompressionEngine,
  tail: Uint8Array,
  context: CodecContext,
): Promise<number | undefined> {
  engine.collect();
  const end = engine.consumed;
  for (let i = 0; i < 2; i++) {
    try {
      await engine.write(Uint8Array.of(0xff));
    } catch (error) {
      if (!isNotAMember(error)) break;
      if (i === 1) return undefined;
      if (tail.at(-1) === 0x1f) break;
      return end - 1;
    }
  }
  throw truncated(context, end);
}

/** Tells whether the input's last four bytes can be the length of the only member (RFC 1952, ISIZE). */
function looksLikeEnd(tail: Uint8Array, produced: number): boolean {
  if (tail.length < 4) return false;
  const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getUint32(tail.length - 4, true);
  const missing = length - (produced % 2 ** 32);
  return (missing < 0 ? missing + 2 ** 32 : missing) <= tail.length * MAX_RATIO;
}

function isNotAMember(error: unknown): boolean {
  return error instanceof Error && error.message === NOT_A_MEMBER;
}

function truncated(context: CodecContext, offset: number): FormatError {
  return new FormatError(`${context.what}: the gzip data ends early`, offset, {
    code: 'ERR_OCIRENDER_TRUNCATED',
  });
}

function damaged(error: unknown, offset: number, context: CodecContext): unknown {
  if (!(error instanceof Error) || !('errno' in error)) return error;
  if (isNotAMember(error)) {
    return new FormatError(`${context.what}: the gzip data is followed by too many other bytes`, offset, {
      cause: error,
    });
  }
  return new FormatError(`${context.what}: the gzip data is damaged: ${error.message}`, offset, {
    cause: error,
  });
}
