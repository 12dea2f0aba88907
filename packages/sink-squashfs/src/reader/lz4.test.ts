import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lz4Block } from '../testing/lz-writers.ts';
import { decompressLz4 } from './lz4.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  // Few values, so that there are matches, near and overlapping.
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3000 }).map((list) => Uint8Array.from(list)),
  fc.tuple(fc.nat(255), fc.nat(5000)).map(([value, length]) => new Uint8Array(length).fill(value)),
);

test('what was compressed comes out', () => {
  fc.assert(
    fc.property(bytes, (content) => {
      const output = new Uint8Array(content.length);
      expect(decompressLz4(lz4Block(content), output)).toBe(content.length);
      expect(output).toEqual(content);
    }),
    { numRuns: 300 },
  );
});

test('a block larger than the output is refused', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), (content, cut) => {
      fc.pre(content.length > 0);
      const output = new Uint8Array(cut % content.length);
      expect(() => decompressLz4(lz4Block(content), output)).toThrow(/^lz4: /);
    }),
  );
});

test('any bytes give success or an error of ours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      const output = new Uint8Array(500);
      try {
        expect(decompressLz4(input, output)).toBeLessThanOrEqual(500);
      } catch (error) {
        expect((error as Error).message).toMatch(/^lz4: /);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['the last literals are missing', []],
  ['a length is cut short', [0xf0]],
  ['a length is cut short', [0xf0, 255, 255]],
  ['literals are cut short', [0x20, 1]],
  ['an offset is cut short', [0x10, 1, 1]],
  ['an offset leads before the block', [0x10, 1, 0, 0]],
  ['an offset leads before the block', [0x10, 1, 2, 0]],
  ['a length passes the end of the block', [0x1f, 1, 1, 0, ...Array<number>(9).fill(255), 0]],
  ['the last literals are missing', [0x10, 1, 1, 0]],
])('%s: %j', (message, input) => {
  expect(() => decompressLz4(Uint8Array.from(input), new Uint8Array(1000))).toThrow(`lz4: ${message}`);
});
