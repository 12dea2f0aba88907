import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readZstdFrame } from './zstd-frame.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

test.each([
  ['one raw block in one segment', [...MAGIC, 0x20, 3, 0x19, 0, 0, 1, 2, 3], 3],
  ['a window instead', [...MAGIC, 0, 0x38, 0x19, 0, 0, 1, 2, 3], 3],
  ['one byte repeated', [...MAGIC, 0x60, 0, 1, 0x03, 0x08, 0, 7], 256],
  ['two blocks and a checksum', [...MAGIC, 0x24, 2, 8, 0, 0, 1, 9, 0, 0, 2, 1, 2, 3, 4], 2],
])('%s', (_name, frame, bound) => {
  expect(readZstdFrame(Uint8Array.from(frame)).bound).toBe(bound);
});

test.each([
  ['not a frame', []],
  ['not a frame', [1, 2, 3, 4, 5, 6]],
  ['a reserved bit is set', [...MAGIC, 0x28, 3, 0x19, 0, 0, 1, 2, 3]],
  ['the window is too large', [...MAGIC, 0, 0xff, 0x19, 0, 0, 1, 2, 3]],
  ['the frame is cut short', [...MAGIC, 0x20, 3, 0x18, 0, 0, 1, 2, 3]],
  ['a block of unknown type', [...MAGIC, 0x20, 3, 0x1f, 0, 0, 1, 2, 3]],
  ['the frame does not end with the block', [...MAGIC, 0x20, 3, 0x19, 0, 0, 1, 2]],
  ['the frame does not end with the block', [...MAGIC, 0x20, 3, 0x19, 0, 0, 1, 2, 3, 4]],
])('%s: %j', (message, frame) => {
  expect(() => readZstdFrame(Uint8Array.from(frame))).toThrow(`zstd: ${message}`);
});

test.each([
  [[...MAGIC, 0x20, 3, 0x19, 0, 0, 1, 2, 3], { window: 3 }],
  [[...MAGIC, 0x60, 0, 1, 0x03, 0x08, 0, 7], { window: 512 }],
  [[...MAGIC, 0xa0, 0, 0, 2, 0, 0x03, 0x08, 0, 7], { window: 131_072 }],
  [[...MAGIC, 0x00, 0x39, 0x19, 0, 0, 1, 2, 3], { window: 147_456 }],
  [[...MAGIC, 0x21, 9, 3, 0x19, 0, 0, 1, 2, 3], { hasDictionary: true }],
  [[...MAGIC, 0x24, 1, 9, 0, 0, 1, 1, 2, 3, 4], { hasChecksum: true, endsEmpty: false }],
  [[...MAGIC, 0x20, 1, 8, 0, 0, 1, 1, 0, 0], { endsEmpty: true }],
  // One empty block is an empty frame.
  [[...MAGIC, 0x20, 0, 1, 0, 0], { endsEmpty: false }],
])('the headers of %j say %j', (frame, facts) => {
  expect(readZstdFrame(Uint8Array.from(frame))).toMatchObject(facts);
});

test('any bytes give a bound or an error of ours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
      try {
        expect(readZstdFrame(Uint8Array.from([...MAGIC, ...rest])).bound).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect((error as Error).message).toMatch(/^zstd: /);
      }
    }),
    { numRuns: 1000 },
  );
});
