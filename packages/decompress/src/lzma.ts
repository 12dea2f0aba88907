import { FormatError, LimitError, throwIfAborted } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import { LzmaDecoder } from './lzma-decoder.ts';
import { readTrailing } from './trailing.ts';

/** Properties, dictionary size, decompressed size. */
const HEADER_SIZE = 13;
const DICTIONARY_AT = 1;
/** The largest value of the properties byte: lc 8, lp 4, pb 4. */
const PROPERTIES_MAX = 224;
/** The format has no inner structure, and a byte can give 7,000: so a slice gives at most some 7 MiB. */
const SLICE_BYTES = 1024;

/**
 * Decompresses LZMA-alone (`.lzma`).
 *
 * @param input - begins with the header
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 * @throws {FormatError} when the data is damaged or ends early
 * @throws {LimitError} when the dictionary is too large
 */
export async function* unlzma(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  await checkHeader(input, context);
  const decoder = await LzmaDecoder.open('lzma');
  try {
    let slice = await input.take(HEADER_SIZE);
    let running = decoder.code(slice);
    for (;;) {
      const step = await running;
      if (step.error !== undefined) throw damaged(step.error, slice.length === 0, input.offset, context);
      if (step.ended) {
        // liblzma may have been given bytes from behind the end.
        input.unread(slice.subarray(slice.length - (input.offset - step.totalIn)));
        yield* step.chunks;
        await readTrailing(input, context, 'lzma');
        return;
      }
      slice = await input.take(SLICE_BYTES);
      // One slice is decoded while the consumer works on the one before.
      running = decoder.code(slice.length === 0 ? null : slice);
      yield* step.chunks;
      throwIfAborted(context.signal);
    }
  } finally {
    decoder.close();
  }
}

async function checkHeader(input: ByteInput, context: CodecContext): Promise<void> {
  const head = await input.peek(HEADER_SIZE);
  if (head.length < HEADER_SIZE) throw truncated(context, head.length);
  if (head[0]! > PROPERTIES_MAX) throw new FormatError(`${context.what} is not lzma data`, 0);
  const dictionary = new DataView(head.buffer, head.byteOffset).getUint32(DICTIONARY_AT, true);
  const maximum = context.limits.maxWindowBytes;
  if (dictionary <= maximum) return;
  throw new LimitError(
    'maxWindowBytes',
    maximum,
    `${context.what} needs an lzma dictionary of ${dictionary} bytes`,
  );
}

function truncated(context: CodecContext, offset: number): FormatError {
  return new FormatError(`${context.what}: the lzma data ends early`, offset, {
    code: 'ERR_OCIRENDER_TRUNCATED',
  });
}

function damaged(cause: Error, atEnd: boolean, offset: number, context: CodecContext): FormatError {
  if (atEnd) return truncated(context, offset);
  return new FormatError(`${context.what}: the lzma data is damaged: ${cause.message}`, offset, { cause });
}
