import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CodecSpec, planCompression } from './compression.ts';
import { decompressLz4 } from './reader/lz4-block.ts';
import { createSegmentCompressor } from './segment-compressor.ts';
import { bytesOf } from './testing/build.ts';

const BLOCK = 4096;
const HAS_ZSTD = 'zstdCompressSync' in zlib;

interface Zstd {
  zstdDecompressSync(data: Uint8Array): Uint8Array;
}

function decode(kind: CodecSpec['kind'], input: Uint8Array, length: number): Uint8Array {
  if (kind === 'deflate') return zlib.inflateRawSync(input);
  if (kind === 'zstd') return (zlib as unknown as Zstd).zstdDecompressSync(input);
  const output = new Uint8Array(length);
  expect(decompressLz4(input, output)).toBe(true);
  return output;
}

/** Compresses a segment, checks what the format asks of every cluster, and puts the segment together again. */
function roundTrip(kind: CodecSpec['kind'], clusterSize: number, segment: Uint8Array): number {
  const spec = planCompression(kind, undefined, clusterSize, BLOCK) as CodecSpec;
  const compressor = createSegmentCompressor(spec, createRequire(import.meta.url));
  const output = new Uint8Array(Math.ceil(segment.length / BLOCK) * BLOCK).fill(0xee);
  const extents: number[] = [];
  const blocks = compressor.compress(segment, output, extents);
  const parts: Uint8Array[] = [];
  let at = 0;
  let block = 0;
  for (let i = 0; i < extents.length; i += 2) {
    const [length = 0, count = 0] = extents.slice(i, i + 2);
    const bytes = output.subarray(block * BLOCK, (block + Math.max(count, 1)) * BLOCK);
    // Only the last cluster may end before the next multiple of a block after its beginning.
    if (i + 2 < extents.length) expect((at % BLOCK) + length).toBeGreaterThanOrEqual(BLOCK);
    if (count === 0) {
      expect(length).toBeLessThanOrEqual(BLOCK);
      parts.push(bytes.subarray(0, length));
    } else {
      expect(count * BLOCK).toBeLessThanOrEqual(clusterSize);
      expect(length).toBeGreaterThan(count * BLOCK);
      const padding = bytes.findIndex((byte) => byte !== 0);
      expect(padding).toBeLessThan(BLOCK);
      parts.push(decode(kind, bytes.subarray(padding), length));
    }
    at += length;
    block += Math.max(count, 1);
  }
  expect(block).toBe(blocks);
  expect(Buffer.concat(parts).equals(segment)).toBe(true);
  return blocks;
}

const kinds: readonly CodecSpec['kind'][] = [
  'lz4',
  'lz4hc',
  'deflate',
  ...(HAS_ZSTD ? (['zstd'] as const) : []),
];

describe.each(kinds)('%s', (kind) => {
  test.each([BLOCK, 4 * BLOCK, 16 * BLOCK, 256 * BLOCK])('clusters of %i bytes', (clusterSize) => {
    const text = bytesOf(300_000, 1);
    expect(roundTrip(kind, clusterSize, text)).toBeLessThan(45);
    expect(roundTrip(kind, clusterSize, bytesOf(100_000, 2, true))).toBe(25);
    expect(roundTrip(kind, clusterSize, Buffer.alloc(2 ** 20))).toBeLessThan(4);
    expect(roundTrip(kind, clusterSize, Buffer.concat([text, bytesOf(50_000, 3, true), text]))).toBeLessThan(
      100,
    );
  });

  test('any bytes come back', () => {
    const run = fc.record({
      length: fc.integer({ min: 1, max: 6000 }),
      seed: fc.integer({ min: 0, max: 20 }),
      noise: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(run, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(BLOCK, 4 * BLOCK),
        (runs, size) => {
          const segment = Buffer.concat(runs.map(({ length, seed, noise }) => bytesOf(length, seed, noise)));
          roundTrip(kind, size, segment);
        },
      ),
      { numRuns: 60 },
    );
  });
});
