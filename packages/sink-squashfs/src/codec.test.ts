import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type CodecSpec, createCodec } from './codec.ts';
import { COMPRESSOR, MAX_BLOCK_SIZE, MIN_BLOCK_SIZE } from './format.ts';
import { compressorName, createDecoder } from './reader/decoder.ts';
import { readXzStream } from './reader/xz-stream.ts';
import { readZstdFrame } from './reader/zstd-frame.ts';
import { bytesOf } from './testing/build.ts';

const load = createRequire(import.meta.url);
const ZSTD_BLOCK = 128 * 1024;

/** Blocks as a writer has them: full ones of each size, metadata, fragments and tails of any length. */
const LENGTHS: number[] = [];
for (let size = MIN_BLOCK_SIZE; size <= MAX_BLOCK_SIZE; size *= 2) LENGTHS.push(size);
LENGTHS.push(
  100,
  255,
  256,
  257,
  65_535,
  65_792,
  65_793,
  ZSTD_BLOCK - 1,
  ZSTD_BLOCK + 1,
  3 * ZSTD_BLOCK,
  777_777,
);

/** Text; text with a noisy half; zeros; noise, but for its beginning. */
const CONTENTS: Record<string, (length: number) => Uint8Array> = {
  text: (length) => bytesOf(length, length % 7),
  halves: (length) => Buffer.concat([bytesOf(length >> 1, 1, true), bytesOf(length - (length >> 1), 2)]),
  zeros: (length) => Buffer.alloc(length),
  noise: (length) => bytesOf(length, 3, true).fill(0, 0, length >> 3),
};

const ZSTD: [CodecSpec['kind'], string | undefined][] = [['zstd-module', load.resolve('@mongodb-js/zstd')]];
if ('zstdCompressSync' in zlib) ZSTD.push(['zstd-native', undefined]);

describe.each(ZSTD)('%s', (kind, module) => {
  test.each(Object.keys(CONTENTS))('what Linux reads of a frame: %s of every size', async (name) => {
    const decoder = createDecoder(compressorName(COMPRESSOR.zstd), 1);
    for (const length of LENGTHS) {
      const blockSize = Math.max(MIN_BLOCK_SIZE, 2 ** Math.ceil(Math.log2(length)));
      const codec = createCodec({ kind, level: 3, blockSize, ...(module && { module }) }, load);
      const output = new Uint8Array(codec.outputSize);
      const input = CONTENTS[name]!(length);
      const size = await codec.compress(input, output);
      expect(size, `${length}`).toBeLessThan(length);
      if (size === 0) continue;
      const frame = output.slice(0, size);
      expect(readZstdFrame(frame), `${length}`).toMatchObject({
        window: length,
        hasChecksum: false,
        hasDictionary: false,
        endsEmpty: false,
      });
      expect(Buffer.from(await decoder.decode(frame, length)).equals(input), `${length}`).toBe(true);
    }
  });
});

describe.each<[CodecSpec['kind'], number, string | undefined]>([
  ['lz4', 1, load.resolve('lz4-napi')],
  ['lz4hc', 1, undefined],
  ['lz4hc', 9, undefined],
])('%s %i', (kind, level, module) => {
  test.each(Object.keys(CONTENTS))('%s of every size comes back, from shared memory too', async (name) => {
    const decoder = createDecoder(compressorName(COMPRESSOR.lz4), 1);
    for (const length of [1, 4, 13, ...LENGTHS]) {
      const blockSize = Math.max(MIN_BLOCK_SIZE, 2 ** Math.ceil(Math.log2(length)));
      const codec = createCodec({ kind, level, blockSize, ...(module && { module }) }, load);
      const output = new Uint8Array(codec.outputSize);
      const input = new Uint8Array(new SharedArrayBuffer(length));
      input.set(CONTENTS[name]!(length));
      const size = await codec.compress(input, output);
      expect(size, `${length}`).toBeLessThan(length);
      if (length > 300) expect(size, `${length}`).toBeGreaterThan(0);
      if (size === 0) continue;
      const decoded = await decoder.decode(output.slice(0, size), length);
      expect(Buffer.compare(decoded, input), `${length}`).toBe(0);
    }
  });
});

test('what Linux reads of an xz stream: CRC-32, and a dictionary of one block', async () => {
  for (const blockSize of [4096, 131_072, 1_048_576]) {
    const module = load.resolve('lzma-native');
    const codec = createCodec({ kind: 'xz', level: 6, blockSize, module }, load);
    const output = new Uint8Array(codec.outputSize);
    const size = await codec.compress(bytesOf(blockSize, 1), output);
    const { check, dictionary } = readXzStream(output.subarray(0, size));
    expect(check).toBe(1);
    expect(dictionary).toBeLessThanOrEqual(Math.max(blockSize, 8192));
  }
});
