import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CRC_START, crc32c, crc32cOfU32 } from './crc32c.ts';

test('the check value of CRC-32C', () => {
  const crc = crc32c(CRC_START, Buffer.from('123456789'));
  expect((crc ^ 0xffff_ffff) >>> 0).toBe(0xe306_9283);
});

test('any cut gives the same, and a number counts as four bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(100),
      fc.integer({ min: 0 }),
      (bytes, cut, number) => {
        const at = Math.min(cut, bytes.length);
        const whole = crc32c(CRC_START, bytes);
        expect(crc32c(crc32c(CRC_START, bytes, 0, at), bytes, at)).toBe(whole);
        const four = Buffer.alloc(4);
        four.writeUInt32LE(number);
        expect(crc32cOfU32(whole, number)).toBe(crc32c(whole, four));
      },
    ),
  );
});
