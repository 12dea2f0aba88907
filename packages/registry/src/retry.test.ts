import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry.ts';

const NOW = Date.parse('Sat, 21 Nov 2026 12:00:00 GMT');

test.each([
  ['0', 0],
  ['7', 7000],
  [' 120 ', 120_000],
  ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
  ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['Saturday, 21-Nov-26 12:00:05 GMT', 5000],
  ['12.5', undefined],
  ['-3', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (text, expected) => {
  expect(parseRetryAfter(text, NOW)).toBe(expected);
});
