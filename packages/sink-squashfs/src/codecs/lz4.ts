import { createLz4hc } from '@ocirender/block-pipeline/lz4hc';
import { type BlockCodec, type CodecSpec, keepSmaller } from './block-codec.ts';

/** Bytes in front of a block in which lz4-napi tells its size. */
const SIZE_PREFIX = 4;

/** lz4 of lz4-napi: fast. */
export function lz4(spec: CodecSpec, load: (name: string) => unknown): BlockCodec['compress'] {
  const library = load(spec.module as string) as { compressSync(data: Uint8Array): Uint8Array };
  // The library wants memory that is not shared.
  const copy = Buffer.allocUnsafeSlow(spec.blockSize);
  return (input, output) => {
    copy.set(input);
    const block = library.compressSync(copy.subarray(0, input.length)).subarray(SIZE_PREFIX);
    return keepSmaller(block, input, output);
  };
}

/** lz4 that looks for long matches: slower to write, smaller, and as fast to read. */
export function lz4hc({ level, blockSize }: CodecSpec): BlockCodec['compress'] {
  const compress = createLz4hc(level, blockSize);
  return (input, output) => {
    const { length, bytes } = compress(input);
    return length === input.length ? keepSmaller(bytes, input, output) : 0;
  };
}
