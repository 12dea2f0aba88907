import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatTimeLeft, percent, shortDigest } from './units.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [593_300_000, '593.3 MB'],
  [Number.MAX_SAFE_INTEGER, '9.0 PB'],
  [5e18, '5000.0 PB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [999.7, '1.0 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 00 s'],
  [125_000, '2 min 05 s'],
  [3_720_000, '1 h 02 min'],
])('%d ms are %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

test.each([
  [0, '1 s left'],
  [1001, '2 s left'],
  [60_000, '1 min 00 s left'],
])('%d ms to go are %s', (milliseconds, text) => expect(formatTimeLeft(milliseconds)).toBe(text));

test('percents never exceed 100 and nothing is all of nothing', () => {
  expect([percent(0, 10), percent(999, 1000), percent(11, 10), percent(0, 0)]).toEqual([0, 99, 100, 100]);
});

test('short digests', () => {
  expect(shortDigest('sha256:0123456789abcdef')).toBe('0123456789ab');
});
