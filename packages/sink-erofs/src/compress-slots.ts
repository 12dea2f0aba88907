import { createRequire } from 'node:module';
import type { BeginWork } from '@ocirender/block-pipeline';
import type { CodecSpec } from './compression.ts';
import { createSegmentCompressor } from './segment-compressor.ts';
import { SEGMENT_SIZE } from './segment-slot.ts';

const align = (length: number): number => Math.ceil(length / 4096) * 4096;

/** Compresses slots, in a thread or, for a small image, in the calling one. */
export const compressSlots: BeginWork<CodecSpec> = (spec, isStopped) => {
  const compressor = createSegmentCompressor(spec, createRequire(import.meta.url));
  // Native libraries want memory that is not shared.
  const copy = Buffer.allocUnsafeSlow(SEGMENT_SIZE);

  return ([inputMemory, outputMemory, controlMemory]) => {
    const input = new Uint8Array(inputMemory!);
    const output = new Uint8Array(outputMemory!);
    const control = new Int32Array(controlMemory!);
    const segments = control[0] as number;
    let answer = 1 + segments;
    let start = 0;
    for (let i = 1; i <= segments; i++) {
      if (isStopped()) return;
      const length = control[i] as number;
      copy.set(input.subarray(start, start + length));
      const extents: number[] = [];
      const room = output.subarray(start, start + align(length));
      control[answer] = compressor.compress(copy.subarray(0, length), room, extents);
      control[answer + 1] = extents.length;
      control.set(extents, answer + 2);
      answer += 2 + extents.length;
      start = align(start + length);
    }
  };
};
