import * as zlib from 'node:zlib';
import { type BlockCodec, type CodecSpec, keepSmaller, outputSizeOf } from './block-codec.ts';

/** zlib of node:zlib (squashfs calls it gzip). */
export function gzip(spec: CodecSpec): BlockCodec['compress'] {
  const options = { level: spec.level, chunkSize: outputSizeOf(spec) };
  return (input, output) => keepSmaller(zlib.deflateSync(input, options), input, output);
}
