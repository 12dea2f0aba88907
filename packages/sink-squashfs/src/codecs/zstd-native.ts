import type { ZlibInternals } from '@ocirender/interface';
import { type BlockCodec, type CodecSpec, keepSmaller, outputSizeOf } from './block-codec.ts';

interface ZstdLibrary {
  constants: { ZSTD_c_compressionLevel: number; ZSTD_e_end: number };
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
  createZstdCompress(options: object): ZstdStream;
}

/** A compressing or decompressing stream of node:zlib, with what a reused context needs. */
export interface ZstdStream extends ZlibInternals {
  on(event: 'error', listener: () => void): void;
}

/** zstd of node:zlib, since Node 22.15. */
export function zstdNative(spec: CodecSpec, load: (name: string) => unknown): BlockCodec['compress'] {
  const outputSize = outputSizeOf(spec);
  const zlib = load('node:zlib') as ZstdLibrary;
  const options = {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: spec.level },
    chunkSize: outputSize,
  };
  const oneShot = (input: Uint8Array, output: Uint8Array): number =>
    keepSmaller(zlib.zstdCompressSync(input, options), input, output);
  // A one-shot call makes and frees a context of a megabyte, some 0.15 ms a block. One context for all blocks
  // gives the same bytes (zstd starts afresh after each frame); it needs node:zlib's own handle, so it is
  // taken only when it proves itself on a sample.
  const probe = new Uint8Array(Math.min(spec.blockSize, 8192));
  for (let i = 0; i < probe.length; i++) probe[i] = (i * i) >> 9;
  try {
    const stream = zlib.createZstdCompress(options);
    const handle = stream._handle;
    const state = stream._writeState;
    stream.on('error', () => {});
    const reused = (input: Uint8Array, output: Uint8Array): number => {
      state[0] = 0xffff_ffff;
      handle.writeSync(zlib.constants.ZSTD_e_end, input, 0, input.length, output, 0, outputSize);
      const left = state[0] as number;
      if (left === 0 || left > outputSize || state[1] !== 0)
        throw new Error('zstd could not compress a block');
      const written = outputSize - left;
      return written < input.length ? written : 0;
    };
    const a = new Uint8Array(outputSize);
    const b = new Uint8Array(outputSize);
    for (const length of [probe.length, 100, probe.length, 1]) {
      const sample = probe.subarray(0, length);
      const size = oneShot(sample, a);
      if (reused(sample, b) !== size) return oneShot;
      for (let i = 0; i < size; i++) if (a[i] !== b[i]) return oneShot;
    }
    return reused;
  } catch {
    return oneShot;
  }
}
