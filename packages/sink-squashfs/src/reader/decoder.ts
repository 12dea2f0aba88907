import * as zlib from 'node:zlib';
import { OcirenderError } from '@ocirender/interface';
import { COMPRESSOR } from '../format.ts';
import { SCRATCH_EXTRA } from './limits.ts';
import { decompressLz4 } from './lz4.ts';
import { lzmaDecoder } from './lzma.ts';
import { decompressLzo1x } from './lzo.ts';
import { zstdDecoder } from './zstd.ts';

/** Decompresses blocks one at a time. */
export interface BlockDecoder {
  /** Whether it works in libuv's pool, so that several blocks at a time are quicker than one. */
  readonly pooled: boolean;
  /**
   * Decompresses one block.
   *
   * @param stored - the whole compressed block
   * @param limit - most bytes that may come out
   * @param scratch - memory that the result may be in, {@link SCRATCH_EXTRA} bytes more than the limit; without it, the result is the caller's
   * @returns the contents
   * @throws Error when the block is damaged or larger than the limit
   */
  decode(stored: Uint8Array, limit: number, scratch?: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/**
 * Gives the name of a superblock's compressor number.
 *
 * @param compressor - the number
 * @returns `gzip`, `zstd`, …
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when squashfs 4.0 has no such compressor
 */
export function compressorName(compressor: number): keyof typeof COMPRESSOR {
  for (const name of Object.keys(COMPRESSOR) as (keyof typeof COMPRESSOR)[]) {
    if (COMPRESSOR[name] === compressor) return name;
  }
  throw new OcirenderError(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    `the squashfs image uses the unknown compressor number ${compressor}`,
    { hint: `Known are ${Object.keys(COMPRESSOR).join(', ')}; make the image with one of them.` },
  );
}

/**
 * Makes a decoder.
 *
 * @param name - which compressor
 * @param threads - how many blocks may be in work at a time
 * @returns the decoder
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when the library that it needs does not load here
 */
export function createDecoder(name: keyof typeof COMPRESSOR, threads: number): BlockDecoder {
  switch (name) {
    case 'gzip':
      return threads > 1 ? POOLED_GZIP : GZIP;
    case 'lz4':
      return own(decompressLz4);
    case 'lzo':
      return own(decompressLzo1x);
    default:
      try {
        return name === 'zstd' ? zstdDecoder() : lzmaDecoder(name);
      } catch (cause) {
        throw new OcirenderError(
          'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
          `the library that decompresses ${name} cannot be loaded on this machine`,
          { cause, hint: 'Install the package again on this machine.' },
        );
      }
  }
}

const GZIP: BlockDecoder = {
  pooled: false,
  decode: (stored, limit) =>
    zlib.inflateSync(stored, { maxOutputLength: limit, chunkSize: limit + SCRATCH_EXTRA }),
};

const POOLED_GZIP: BlockDecoder = {
  pooled: true,
  decode: (stored, limit) =>
    new Promise((resolve, reject) => {
      zlib.inflate(stored, { maxOutputLength: limit, chunkSize: limit + SCRATCH_EXTRA }, (error, output) => {
        if (error === null) resolve(output);
        else reject(error);
      });
    }),
};

function own(decompress: (input: Uint8Array, output: Uint8Array) => number): BlockDecoder {
  return {
    pooled: false,
    decode: (stored, limit, scratch) => {
      const output =
        scratch !== undefined && scratch.length >= limit
          ? scratch.subarray(0, limit)
          : Buffer.allocUnsafeSlow(limit);
      return output.subarray(0, decompress(stored, output));
    },
  };
}
