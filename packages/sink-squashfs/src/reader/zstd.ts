import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import type { ZstdStream } from '../codecs/zstd-native.ts';
import type { BlockDecoder } from './decoder.ts';
import { SCRATCH_EXTRA } from './limits.ts';
import { readZstdFrame } from './zstd-frame.ts';

/** Most bytes in memory for one block where the library cannot be told a limit. */
const MAX_MODULE_OUTPUT = 64 * 1024 * 1024;

interface ZstdLibrary {
  readonly constants: { readonly ZSTD_e_end: number };
  zstdDecompressSync(stored: Uint8Array, options: object): Uint8Array;
  createZstdDecompress(options: object): ZstdStream;
}

/** Makes the zstd decoder: node:zlib's where it has one, else that of `@mongodb-js/zstd`. */
export function zstdDecoder(): BlockDecoder {
  if ('zstdDecompressSync' in zlib) return new NativeZstd(zlib as unknown as ZstdLibrary);
  const load = createRequire(import.meta.url);
  const library = load('@mongodb-js/zstd') as { decompress(stored: Buffer): Promise<Buffer> };
  return {
    pooled: true,
    decode: async (stored, limit) => {
      if (readZstdFrame(stored).bound > MAX_MODULE_OUTPUT) throw new Error('zstd: the block is too large');
      const output = await library.decompress(Buffer.from(stored));
      if (output.length > limit) throw new Error('zstd: the block is too large');
      return output;
    },
  };
}

/**
 * Decodes with one context for all blocks, where that works: a one-shot call makes and frees one, and its output,
 * which halves the speed. Whatever is unusual about a block goes to the one-shot call, whose word is final.
 */
class NativeZstd implements BlockDecoder {
  readonly pooled = false;
  readonly #library: ZstdLibrary;
  #stream: ZstdStream | undefined;

  constructor(library: ZstdLibrary) {
    this.#library = library;
    try {
      this.#stream = library.createZstdDecompress({});
      this.#stream.on('error', () => {});
    } catch {
      this.#stream = undefined;
    }
  }

  decode(stored: Uint8Array, limit: number, scratch?: Uint8Array): Uint8Array {
    readZstdFrame(stored);
    if (this.#stream !== undefined) {
      const output =
        scratch !== undefined && scratch.length >= limit + SCRATCH_EXTRA
          ? scratch
          : Buffer.allocUnsafeSlow(limit + SCRATCH_EXTRA);
      const length = this.#reuse(this.#stream, stored, output, limit);
      if (length !== undefined) return output.subarray(0, length);
      // The context may be in the middle of a frame; no more of it.
      this.#stream = undefined;
    }
    return this.#library.zstdDecompressSync(stored, {
      maxOutputLength: limit,
      chunkSize: limit + SCRATCH_EXTRA,
    });
  }

  #reuse(stream: ZstdStream, stored: Uint8Array, output: Uint8Array, limit: number): number | undefined {
    try {
      const handle = stream._handle;
      const state = stream._writeState;
      const room = limit + SCRATCH_EXTRA;
      let from = 0;
      let to = 0;
      while (from < stored.length) {
        // Values that no call leaves: a handle that works otherwise is noticed.
        state[0] = 0xffff_ffff;
        handle.writeSync(
          this.#library.constants.ZSTD_e_end,
          stored,
          from,
          stored.length - from,
          output,
          to,
          room - to,
        );
        const taken = stored.length - from - (state[1] as number);
        const given = room - to - (state[0] as number);
        if (!(taken > 0 && given >= 0)) return undefined;
        from += taken;
        to += given;
      }
      return to > 0 && to <= limit ? to : undefined;
    } catch {
      return undefined;
    }
  }
}
