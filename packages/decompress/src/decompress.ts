import { type Diagnostic, FormatError, throwIfAborted } from '@ocirender/interface';
import { ByteInput } from './byte-input.ts';
import { chooseCompression } from './choose.ts';
import type { Codec, CodecContext } from './codec.ts';
import type { Compression } from './compression.ts';
import { gunzip } from './gzip.ts';
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
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  const limits = completeLimits(options.limits);
  const signal = options.signal;
  throwIfAborted(signal);
  const layer = options.layer;
  const context: CodecContext = {
    limits,
    signal,
    what: layer === undefined ? 'the stream' : `layer ${layer}`,
    diagnose: (diagnostic) => options.diagnose?.(layer === undefined ? diagnostic : { ...diagnostic, layer }),
  };
  const input = new ByteInput(source, signal);
  try {
    const compression = await chooseCompression(input, options, context);
    let output = 0;
    for await (const chunk of CODECS[compression](input, context)) {
      output += chunk.length;
      checkVolume(output, input.offset, limits, context.what);
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
