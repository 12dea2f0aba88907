import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lzo1xStream } from '../testing/lz-writers.ts';
import { decompressLzo1x } from './lzo.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3000 }).map((list) => Uint8Array.from(list)),
  // The same again at every distance: each kind of match.
  fc
    .tuple(fc.uint8Array({ minLength: 2, maxLength: 40 }), fc.nat(50_000))
    .map(([part, gap]) => Uint8Array.from([...part, ...Array<number>(gap).fill(7), ...part, 1, ...part])),
);

test('what was compressed comes out', () => {
  fc.assert(
    fc.property(bytes, (content) => {
      const output = new Uint8Array(content.length);
      expect(decompressLzo1x(lzo1xStream(content), output)).toBe(content.length);
      expect(Buffer.compare(output, content)).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test('a stream larger than the output is refused', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), (content, cut) => {
      fc.pre(content.length > 0);
      const output = new Uint8Array(cut % content.length);
      expect(() => decompressLzo1x(lzo1xStream(content), output)).toThrow(/^lzo: /);
    }),
  );
});

test('any bytes give success or an error of ours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      const output = new Uint8Array(500);
      try {
        expect(decompressLzo1x(input, output)).toBeLessThanOrEqual(500);
      } catch (error) {
        expect((error as Error).message).toMatch(/^lzo: /);
      }
    }),
    { numRuns: 2000 },
  );
});

const END = [17, 0, 0];

// By the instructions of the format's description: each line is one kind.
test.each([
  ['nothing', END, ''],
  ['the first byte as a count of a few literals', [19, 97, 98, ...END], 'ab'],
  ['the first byte as a count of many literals', [22, 97, 98, 99, 100, 101, ...END], 'abcde'],
  ['a run of literals', [1, 97, 98, 99, 100, ...END], 'abcd'],
  ['a long run of literals', [0, 1, ...Array<number>(19).fill(97), ...END], 'a'.repeat(19)],
  ['two bytes after a few literals', [19, 97, 98, 4, 0, ...END], 'abab'],
  ['three to four bytes within 2 KiB', [21, 97, 98, 99, 100, 0x6c, 0, ...END], 'abcdabcd'],
  ['five to eight bytes', [21, 97, 98, 99, 100, 0xec, 0, ...END], 'abcdabcdabcd'],
  ['a match with literals behind', [21, 97, 98, 99, 100, 0x6d, 0, 120, ...END], 'abcdabcdx'],
  ['within 16 KiB, one byte again and again', [18, 97, 32, 9, 0, 0, ...END], 'a'.repeat(43)],
])('%s', (_name, input, text) => {
  const output = Buffer.alloc(100);
  const length = decompressLzo1x(Uint8Array.from(input), output);
  expect(output.toString('latin1', 0, length)).toBe(text);
});

test.each([
  ['the stream is cut short', []],
  ['the stream is cut short', [17, 0]],
  ['the stream is cut short', [18, 97]],
  ['literals are cut short', [22, 97]],
  ['the stream is cut short', [0, 0, 0]],
  ['a length passes the end of the block', [0, ...Array<number>(9).fill(0), 1]],
  ['a distance leads before the block', [18, 97, 0x6c, 1, ...END]],
  ['a distance leads before the block', [17, 4, 0]],
  ['bytes follow the end', [...END, 0]],
])('%s: %j', (message, input) => {
  expect(() => decompressLzo1x(Uint8Array.from(input), new Uint8Array(1000))).toThrow(`lzo: ${message}`);
});
