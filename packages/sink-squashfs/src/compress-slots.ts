import { createRequire } from 'node:module';
import type { BeginWork } from '@ocirender/block-pipeline';
import { KEEP_ZEROS, LENGTH_MASK, READY } from './block-slot.ts';
import { type CodecSpec, createCodec } from './codec.ts';
import { BLOCK_RAW } from './format.ts';

/** Compresses slots, in a thread or, for a small image, in the calling one. */
export const compressSlots: BeginWork<CodecSpec> = (spec, isStopped) => {
  const codec = createCodec(spec, createRequire(import.meta.url));
  const output = new Uint8Array(codec.outputSize);
  const zeros = Buffer.alloc(spec.blockSize);

  // Results are packed at the slot's start, which never overtakes the input because a block never grows.
  return async ([dataMemory, controlMemory]) => {
    const data = new Uint8Array(dataMemory!);
    const control = new Int32Array(controlMemory!);
    let from = 0;
    let to = 0;
    for (let i = 1; i <= (control[0] as number); i++) {
      if (isStopped()) return;
      const word = control[i] as number;
      const length = word & LENGTH_MASK;
      const input = data.subarray(from, from + length);
      from += length;
      if ((word & READY) !== 0) {
        if (to !== from - length) data.copyWithin(to, from - length, from);
        to += length;
        continue;
      }
      const maybeZero =
        (word & KEEP_ZEROS) === 0 && input[0] === 0 && input[length >> 1] === 0 && input[length - 1] === 0;
      if (maybeZero && zeros.subarray(0, length).equals(input)) {
        control[i] = 0;
        continue;
      }
      const result = codec.compress(input, output);
      const size = typeof result === 'number' ? result : await result;
      if (size === 0) {
        if (to !== from - length) data.copyWithin(to, from - length, from);
        control[i] = length | BLOCK_RAW;
        to += length;
      } else {
        data.set(output.subarray(0, size), to);
        control[i] = size;
        to += size;
      }
    }
  };
};
