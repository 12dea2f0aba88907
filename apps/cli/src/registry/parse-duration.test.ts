import { expect, test } from 'vitest';
import { parseDuration } from './parse-duration.ts';

test.each<[string, number | undefined]>([
  ['90', 90_000],
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['15m', 900_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['0', undefined],
  ['-1s', undefined],
  ['', undefined],
  ['10 minutes', undefined],
  ['1m30', undefined],
  ['1000h', undefined],
  ['5d', undefined],
])('%s', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
