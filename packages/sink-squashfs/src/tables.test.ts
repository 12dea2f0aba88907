import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCodec } from './codec.ts';
import { planCompression } from './compression.ts';
import { ContentTable } from './content-table.ts';
import { DigestIndex, sha256 } from './digest-index.ts';
import { FragmentTable, fragmentPlace, splitPlace } from './fragment-table.ts';
import { IdTable } from './id-table.ts';
import { MetadataWriter } from './metadata-writer.ts';
import { createDecoder } from './reader/decoder.ts';
import { bytesOf } from './testing/build.ts';

const load = createRequire(import.meta.url);

describe('a codec', () => {
  it.each(['zstd', 'gzip', 'xz', 'lz4', 'lz4hc'] as const)(
    'makes blocks that decompress to what they were: %s',
    (compression) => {
      const { codec: spec, compressorName } = planCompression(compression, undefined, 4096);
      const codec = createCodec(spec, load);
      const output = new Uint8Array(codec.outputSize);
      return fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 4096 }),
          fc.nat(1000),
          fc.boolean(),
          async (length, seed, noise) => {
            const block = bytesOf(length, seed, noise);
            const size = await codec.compress(block, output);
            expect(size).toBeLessThan(length);
            if (size === 0) return;
            const decoder = createDecoder(compressorName, 1);
            const read = await decoder.decode(output.slice(0, size), block.length);
            expect(Buffer.compare(read, block)).toBe(0);
          },
        ),
        { numRuns: compression === 'xz' ? 50 : 200 },
      );
    },
  );

  it.runIf('zstdCompressSync' in zlib).each([1, 3, 7, 12, 19])(
    'with one zstd context for all blocks gives the bytes of one-shot calls: level %i (needs Node.js 22.15)',
    (level) => {
      const { codec: spec } = planCompression('zstd', level, 65_536);
      const codec = createCodec(spec, load);
      const output = new Uint8Array(codec.outputSize);
      const { zstdCompressSync, constants } = zlib as unknown as {
        zstdCompressSync: (bytes: Uint8Array, options: object) => Buffer;
        constants: Record<string, number>;
      };
      const params = { [constants['ZSTD_c_compressionLevel'] as number]: level };
      for (let i = 0; i < 40; i++) {
        const block = bytesOf(1 + ((i * 7919) % 65_536), i % 7, i % 5 === 0);
        const size = codec.compress(block, output) as number;
        const wanted = zstdCompressSync(block, { params });
        expect(size === 0 ? wanted.length >= block.length : wanted.equals(output.subarray(0, size))).toBe(
          true,
        );
      }
    },
  );

  it('leaves blocks alone that do not shrink', async () => {
    for (const compression of ['zstd', 'gzip', 'xz', 'lz4', 'lz4hc', 'none'] as const) {
      const codec = createCodec(planCompression(compression, undefined, 4096).codec, load);
      expect(await codec.compress(bytesOf(4096, 1, true), new Uint8Array(codec.outputSize))).toBe(0);
    }
  });
});

it('compressor options say the level where readers would assume another', () => {
  const options = (...args: Parameters<typeof planCompression>) =>
    Buffer.from(planCompression(...args).options).toString('hex');
  expect(options('zstd', undefined, 4096)).toBe('048003000000');
  expect(options('gzip', 6, 4096)).toBe('0880060000000f000000');
  expect(options('gzip', 9, 4096)).toBe('');
  expect(options('xz', 3, 4096)).toBe('');
  expect(options('lz4', undefined, 4096)).toBe('08800100000000000000');
  expect(options('lz4hc', undefined, 4096)).toBe('08800100000001000000');
  expect(options('none', undefined, 4096)).toBe('');
});

it('metadata references do not depend on how bytes are appended', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 12 }), async (lengths) => {
      const codec = createCodec({ kind: 'gzip', level: 6, blockSize: 8192 }, load);
      const total = bytesOf(
        lengths.reduce((sum, length) => sum + length, 0),
        3,
        true,
      );
      const cut = new MetadataWriter(codec);
      let at = 0;
      for (const length of lengths) {
        expect(cut.ref).toBe(cut.blockPosition * 65_536 + (at % 8192));
        await cut.append(total.subarray(at, at + length));
        at += length;
      }
      const whole = new MetadataWriter(codec);
      await whole.append(total);
      expect(Buffer.concat(await cut.finish()).equals(Buffer.concat(await whole.finish()))).toBe(true);
      expect(cut.positions).toHaveLength(Math.ceil(total.length / 8192));
      expect(cut.storedSize).toBe(total.length + 2 * cut.positions.length);
    }),
    { numRuns: 50 },
  ));

it('the digest index finds what it has seen, through many growths', () => {
  const index = new DigestIndex();
  const words = new Uint32Array(8);
  const find = (i: number): number | undefined => {
    sha256(Buffer.from(`piece ${i}`), words);
    return index.findOrAdd(words, 0);
  };
  for (let i = 0; i < 10_000; i++) expect(find(i)).toBeUndefined();
  for (let i = 0; i < 10_000; i++) expect(find(i)).toBe(i);
  expect(index.count).toBe(10_000);
});

it('the content table gives back words, runs of zeros included', () =>
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 3 }))), (files) => {
      const table = new ContentTable();
      for (const words of files) {
        const ref = table.add(words.length);
        for (const word of words) {
          if (word === 0) table.pushZeros(1);
          else table.pushWord(word);
        }
        table.close(ref, 7, 0);
      }
      for (const [ref, words] of files.entries()) {
        const bytes = Buffer.concat([...table.words(ref)].map((piece) => piece.slice()));
        expect(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i))).toEqual(words);
        expect(table.get(ref)).toMatchObject({ size: words.length, start: 7 });
      }
      for (const ref of [-1, 0.5, files.length, Number.NaN]) expect(table.get(ref)).toBeUndefined();
    }),
  ));

it('the content table keeps runs of zeros in little room', () => {
  const table = new ContentTable();
  const ref = table.add(1);
  table.pushZeros(2 ** 31);
  table.pushZeros(2 ** 31);
  table.pushZeros(5);
  table.close(ref, 0, 0);
  expect(table.get(ref)?.words).toBe(3);
});

it('ids and fragments are numbered as they come', () => {
  const ids = new IdTable();
  expect([7, 0, 7, 4_294_967_295].map((id) => ids.indexOf(id))).toEqual([0, 1, 0, 2]);
  expect(Buffer.from(ids.encode()).toString('hex')).toBe('0700000000000000ffffffff');
  const fragments = new FragmentTable();
  fragments.add(2 ** 33 + 1, 5);
  expect(Buffer.from(fragments.encode()).toString('hex')).toBe('01000000020000000500000000000000');
  expect(splitPlace(fragmentPlace(2 ** 32 - 1, 2 ** 20 - 1))).toEqual({
    fragment: 2 ** 32 - 1,
    offset: 2 ** 20 - 1,
  });
});
