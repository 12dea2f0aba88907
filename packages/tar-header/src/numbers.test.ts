import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPaxTime, parseDecimal, parseNumber, parsePaxTime } from './numbers.ts';

function field(text: string): number {
  return parseNumber(Buffer.from(text, 'latin1'), 0, text.length);
}

describe('numbers of the header block', () => {
  test.each([
    ['0000644\0', 0o644],
    ['   644 \0', 0o644],
    ['644\0junk', 0o644],
    ['644    ', 0o644],
    ['77777777777\0', 0o77777777777],
    ['777777777777', 0o777777777777],
    ['\0\0\0\0\0\0\0\0', 0],
    ['        ', 0],
    ['\x80\0\0\0\0\0\0\x05', 5],
    ['\x80\0\0\0\0\0\0\x01\0\0\0\0', 2 ** 32],
    ['\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', -1],
    ['\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00', -256],
  ])('%j', (text, expected) => {
    expect(field(text)).toBe(expected);
  });

  test.each([
    '0000648\0',
    '-0000644',
    '644 x   ',
    'x',
    '\x80\x01\0\0\0\0\0\0\0\0\0\0',
    '\xc0\0\0\0\0\0\0\0\0\0\0\0',
  ])('%j is malformed', (text) => {
    expect(field(text)).toBeNaN();
  });
});

describe('PAX numbers', () => {
  test('decimals', () => {
    expect(parseDecimal('8589934592')).toBe(8589934592);
    expect(parseDecimal('000000000000000000000999')).toBe(999);
    for (const text of ['', '-1', '+1', '1.0', '0x1', ' 1', '9007199254740993'])
      expect(parseDecimal(text)).toBeNaN();
  });

  test.each([
    ['0', 0, 0],
    ['1700000000', 1_700_000_000, 0],
    ['1700000000.', 1_700_000_000, 0],
    ['1.5', 1, 500_000_000],
    ['1.123456789', 1, 123_456_789],
    ['1.1234567899', 1, 123_456_789],
    ['-1', -1, 0],
    ['-0.5', -1, 500_000_000],
    ['-1.5', -2, 500_000_000],
    ['-1.9999999999', -2, 0],
    ['-0.0000000001', -1, 999_999_999],
    ['-0', 0, 0],
  ])('time %s', (text, seconds, nanoseconds) => {
    expect(parsePaxTime(text)).toStrictEqual({ seconds, nanoseconds });
  });

  test('malformed times', () => {
    for (const text of ['', '.', '.5', '1e5', '--1', '1.5x', '99999999999999999999']) {
      expect(parsePaxTime(text)).toBeUndefined();
    }
  });

  test('every time survives', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 999_999_999 }), (whole, nanoseconds) => {
        const seconds = Math.max(whole, Number.MIN_SAFE_INTEGER + 1);
        expect(parsePaxTime(formatPaxTime(seconds, nanoseconds))).toStrictEqual({ seconds, nanoseconds });
      }),
    );
  });
});
