import { createRequire } from 'node:module';
import { createLz4hc } from '@ocirender/block-pipeline/lz4hc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decompressLz4 } from './reader/lz4-block.ts';
import { bytesOf } from './testing/build.ts';

interface Lz4 {
  compressSync(data: Uint8Array): Uint8Array;
}

/** Walks the sequences of a block: what must hold at its end (lz4_Block_format.md, "End of block conditions"). */
function expectProperEnd(block: Uint8Array): void {
  let at = 0;
  let done = 0;
  let lastMatch = -1;
  const more = (length: number): number => {
    if (length !== 15) return length;
    let sum = 15;
    let byte = 255;
    while (byte === 255) {
      byte = block[at++] as number;
      sum += byte;
    }
    return sum;
  };
  for (;;) {
    const token = block[at++] as number;
    const literals = more(token >> 4);
    at += literals;
    done += literals;
    if (at === block.length) {
      expect(token & 15).toBe(0);
      if (lastMatch >= 0) {
        expect(literals).toBeGreaterThanOrEqual(5);
        expect(done - lastMatch).toBeGreaterThanOrEqual(12);
      }
      return;
    }
    if (at > block.length) throw new Error('the block ends within a sequence');
    lastMatch = done;
    at += 2;
    done += 4 + more(token & 15);
  }
}

/** Compresses all of an input in blocks, checks each, and gives their sizes. */
function blocksOf(input: Uint8Array, most: number, level = 9): number[] {
  const compress = createLz4hc(level, most);
  const sizes: number[] = [];
  for (let at = 0; at < input.length; ) {
    const { length, bytes } = compress(input.subarray(at));
    expect(length).toBeGreaterThan(0);
    expect(bytes.length).toBeLessThanOrEqual(most);
    expectProperEnd(bytes);
    const output = new Uint8Array(length);
    expect(decompressLz4(bytes, output)).toBe(true);
    expect(Buffer.compare(output, input.subarray(at, at + length))).toBe(0);
    at += length;
    sizes.push(bytes.length);
  }
  return sizes;
}

const sum = (sizes: number[]): number => sizes.reduce((a, b) => a + b, 0);

describe('small inputs', () => {
  test.each<[string, string, string]>([
    ['nothing', '', '00'],
    ['one byte', 'a', '1061'],
    ['twelve bytes, too few for a match', 'aaaaaaaaaaaa', `c0${'61'.repeat(12)}`],
    ['thirteen bytes, the fewest with one', 'aaaaaaaaaaaaa', `1361010050${'61'.repeat(5)}`],
    ['a period of three', 'abcabcabcabcabcabc', '366162630300506263616263'],
  ])('%s', (_, text, wanted) => {
    const { length, bytes } = createLz4hc(9, 4096)(Buffer.from(text));
    expect([length, Buffer.from(bytes).toString('hex')]).toEqual([text.length, wanted]);
  });
});

describe('full blocks', () => {
  test('a match is shortened to what fits', () => {
    const { length, bytes } = createLz4hc(9, 64)(Buffer.alloc(100_000, 'a'));
    expect(bytes.length).toBe(64);
    // 64 bytes: token, literal, distance; 54 that count to 255 (the last of them 254); token, 5 literals.
    expect(length).toBe(1 + 18 + 54 * 255 + 5);
  });

  test.each([6, 15, 16, 17, 18, 40, 272, 273, 274, 1000])('noise fills %i bytes', (most) => {
    const { length, bytes } = createLz4hc(9, most)(bytesOf(5000, 1, true));
    expect(bytes.length).toBeGreaterThanOrEqual(most - 1);
    expect(length).toBe(bytes.length - 1 - (bytes.length < 17 ? 0 : Math.ceil((bytes.length - 16) / 256)));
  });

  test('text fills all blocks but the last', () => {
    for (const size of blocksOf(bytesOf(300_000, 1), 4096).slice(0, -1))
      expect(size).toBeGreaterThanOrEqual(4095);
  });
});

test('any bytes come back', () => {
  const run = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 400 }))
      .map(([period, times]) => Buffer.concat(Array.from({ length: times }, () => period))),
    fc
      .tuple(fc.integer({ min: 1, max: 9000 }), fc.integer({ max: 5, min: 0 }), fc.boolean())
      .map((of) => bytesOf(...of)),
  );
  fc.assert(
    fc.property(
      fc.array(run, { maxLength: 14 }),
      fc.integer({ min: 2, max: 3000 }),
      fc.integer({ min: 1, max: 12 }),
      (runs, most, level) => {
        blocksOf(Buffer.concat(runs), most, level);
      },
    ),
    { numRuns: 50 },
  );
});

test('of two matches that overlap near the end, the second one does not start too late', () => {
  const text = Buffer.from('abcdefghij!fghijklmnop?abcdefghijklmnopvwxyz');
  expect(blocksOf(text, 4096)).toEqual([33]);
});

test('a compressor gives the same bytes whatever it compressed before', () => {
  const compress = createLz4hc(9, 65_536);
  const text = bytesOf(200_000, 1);
  const first = Buffer.from(compress(text).bytes);
  compress(bytesOf(300_000, 2, true));
  expect(first.equals(compress(text).bytes)).toBe(true);
});

test('matches reach back 65,535 bytes and no further', () => {
  const noise = bytesOf(65_535, 1, true);
  const more = Buffer.concat([Buffer.from('x'), noise]);
  expect(sum(blocksOf(Buffer.concat([noise, noise]), 2 ** 20))).toBeLessThan(67_000);
  expect(sum(blocksOf(Buffer.concat([more, more]), 2 ** 20))).toBeGreaterThan(130_000);
});

describe('degenerate inputs', () => {
  const size = 2 ** 20;
  const fill = (byte: (at: number) => number): Uint8Array =>
    Uint8Array.from({ length: size }, (_, at) => byte(at));

  test.each<[string, (at: number) => number, number]>([
    ['one byte', () => 7, 4200],
    ['two bytes by turns', (at) => at & 1, 4200],
    ['a period of 1021', (at) => (at * at) % 1021, 6000],
    ['runs of growing length', (at) => Math.floor(Math.sqrt(at)) & 1, 10_000],
    ['runs with a counter between them', (at) => (at % 900 === 0 ? (at / 900) & 255 : 0), 20_000],
    ['runs just short of what is taken at once', (at) => (at % 1000 === 0 ? (at * 7919) >> 8 : 1), 20_000],
  ])('%s', (_, byte, limit) => {
    expect(sum(blocksOf(fill(byte), size))).toBeLessThan(limit);
  });
});

test('text gets smaller than lz4 makes it, and a higher level makes it no larger', () => {
  const library = createRequire(import.meta.url)('lz4-napi') as Lz4;
  const text = bytesOf(100_000, 1);
  const [low = 0, usual = 0, high = 0] = [1, 9, 12].map((level) => sum(blocksOf(text, 2 ** 20, level)));
  expect(usual).toBeLessThan(library.compressSync(text).length);
  expect(usual).toBeLessThan(low);
  expect(high).toBeLessThanOrEqual(usual);
});
