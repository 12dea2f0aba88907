import { type Diagnostic, FormatError, throwIfAborted } from '@ocirender/interface';
import { ByteInput } from './byte-input.ts';
import { chooseCompression } from './choose.ts';
import type { Codec, CodecContext } from './codec.ts';
import type { Compression } from './compression.ts';
import { gunzip } from './gzip.ts';
import type { RingWriter } from './input/ring.ts';
import { checkVolume, completeLimits, type DecompressLimits } from './limits.ts';
import { unzstd } from './zstd.ts';

/** How to decompress one stream. */
export interface DecompressOptions {
  /** The layer's media type; without it the kind is told from the bytes. */
  mediaType?: string;
  /** Overrides media type and bytes. */
  compression?: Compression;
  limits?: Partial<DecompressLimits>;
  signal?: AbortSignal;
  /** Takes `media-type-mismatch` and `trailing-data`. */
  diagnose?: (diagnostic: Diagnostic) => void;
  /** The layer's digest, for messages. */
  layer?: string;
}

const CODECS: Readonly<Record<Compression, Codec>> = {
  none: copy,
  gzip: gunzip,
  zstd: unzstd,
  bzip2: async function* (input, context) {
    yield* (await import('./bzip2.ts')).unbzip2(input, context);
  },
  xz: async function* (input, context) {
    yield* (await import('./xz.ts')).unxz(input, context);
  },
  lzma: async function* (input, context) {
    yield* (await import('./lzma.ts')).unlzma(input, context);
  },
};

/** lzma-native loses its callbacks in threads of Node 20 ("Error in native callback"); it works in libuv's pool anyway. */
const NOT_IN_THREADS: readonly Compression[] = ['xz', 'lzma'];

/** Thrown before anything is decompressed: this is to be read on the main thread. */
export class Declined extends Error {
  override readonly name = 'Declined';
}

/**
 * Decompresses a layer as it streams.
 *
 * The media type says how; when the first bytes disagree they win, with a diagnostic. A chunk of the result may be
 * kept only until the next one is asked for, and never changes until then. At most a few MiB are decompressed
 * ahead of the consumer. The source is read to its end, and when the data is damaged too, so that a source that checks its
 * digest gets to tell; its errors pass through unchanged and come before our own.
 *
 * @param source - the stored bytes, in chunks of any size
 * @param options - media type, limits, signal, diagnostics
 * @returns the decompressed bytes; to be iterated once
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when the media type is unknown
 * @throws {FormatError} when the data is damaged, or with `ERR_OCIRENDER_TRUNCATED` when it ends early
 * @throws {LimitError} when a limit is met
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED` when the signal is aborted
 */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  return decompressWith(source, options, undefined);
}

/**
 * Decompresses a layer into a ring, in a thread that may be put to sleep. What was decompressed before an error is
 * handed over first.
 *
 * @param source - the stored bytes, in chunks of any size
 * @param options - as for {@link decompress}
 * @param ring - takes the decompressed bytes; left open
 * @throws {Declined} before anything else, for what cannot be decompressed in a thread of Node's
 * @throws as {@link decompress}, and what the ring throws
 */
export async function decompressInto(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
  ring: RingWriter,
): Promise<void> {
  for await (const chunk of decompressWith(source, options, ring)) ring.copy(chunk);
}

async function* decompressWith(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
  ring: RingWriter | undefined,
): AsyncGenerator<Uint8Array> {
  const limits = completeLimits(options.limits);
  const signal = options.signal;
  throwIfAborted(signal);
  const layer = options.layer;
  const input = new ByteInput(source, signal);
  let output = 0;
  const context: CodecContext = {
    limits,
    signal,
    what: layer === undefined ? 'the stream' : `layer ${layer}`,
    diagnose: (diagnostic) => options.diagnose?.(layer === undefined ? diagnostic : { ...diagnostic, layer }),
    ring,
    count: (bytes) => {
      output += bytes;
      checkVolume(output, input.offset, limits, context.what);
    },
    admit: (compression) => {
      if (ring !== undefined && NOT_IN_THREADS.includes(compression)) throw new Declined(compression);
    },
  };
  try {
    const compression = await chooseCompression(input, options, context);
    for await (const chunk of CODECS[compression](input, context)) {
      context.count(chunk.length);
      yield chunk;
      throwIfAborted(signal);
    }
  } catch (error) {
    // A wrong digest explains damaged data and comes first: let the source see all of its bytes.
    if (error instanceof FormatError) await input.drain();
    throw error;
  } finally {
    await input.close();
  }
}

async function* copy(input: ByteInput): AsyncGenerator<Uint8Array> {
  for (let piece = await input.next(); piece !== undefined; piece = await input.next()) yield piece;
}
