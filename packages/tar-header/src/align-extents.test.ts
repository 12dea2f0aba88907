import { expect, test } from 'vitest';
import { alignExtents } from './align-extents.ts';

test.each([
  ['whole blocks stay', [[512, 1024]], 4096, [[512, 1024]]],
  ['parts are widened', [[513, 1]], 4096, [[512, 512]]],
  ['the last ends with the file', [[1030, 1]], 1100, [[1024, 76]]],
  [
    'neighbours become one',
    [
      [0, 1],
      [511, 2],
      [1024, 1],
      [2048, 1],
    ],
    4096,
    [
      [0, 1536],
      [2048, 512],
    ],
  ],
  [
    'empty ones go',
    [
      [0, 0],
      [600, 0],
    ],
    4096,
    [],
  ],
])('%s', (_, given, size, expected) => {
  const extents = (pairs: number[][]): object[] => pairs.map(([offset, length]) => ({ offset, length }));
  expect(alignExtents(extents(given) as never, size)).toStrictEqual(extents(expected));
});
