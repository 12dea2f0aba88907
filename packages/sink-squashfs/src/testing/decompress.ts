import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { COMPRESSOR } from '../format.ts';

type Decompress = (stored: Uint8Array) => Promise<Buffer>;

const load = createRequire(import.meta.url);

/** Gives the decompressor of a superblock's compressor number. */
export function decompressor(compressor: number): Decompress {
  switch (compressor) {
    case COMPRESSOR.gzip:
      return async (stored) => zlib.inflateSync(stored);
    case COMPRESSOR.zstd: {
      const native = (zlib as unknown as { zstdDecompressSync?: (stored: Uint8Array) => Buffer })
        .zstdDecompressSync;
      if (native !== undefined) return async (stored) => native(stored);
      const library = load('@mongodb-js/zstd') as { decompress(stored: Buffer): Promise<Buffer> };
      return (stored) => library.decompress(Buffer.from(stored));
    }
    case COMPRESSOR.xz: {
      const lzma = load('lzma-native') as { decompress(stored: Buffer): Promise<Buffer> };
      return (stored) => lzma.decompress(Buffer.from(stored));
    }
    default:
      throw new Error(`compressor ${compressor}`);
  }
}
