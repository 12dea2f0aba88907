import { describe, expect, test } from 'vitest';
import { Geometry, hasSuperblock } from './geometry.ts';
import { Space } from './space.ts';

test('copies of the superblock are in groups 0, 1 and powers of 3, 5 and 7', () => {
  const groups = Array.from({ length: 400 }, (_, group) => group).filter(hasSuperblock);
  expect(groups).toEqual([0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343]);
});

describe('runs of free blocks', () => {
  test('with blocks of 4096 bytes', () => {
    const geometry = new Geometry(4096);
    expect(geometry.nextRun(0)).toEqual({ start: 33, end: 32_768 });
    expect(geometry.nextRun(1000)).toEqual({ start: 1000, end: 32_768 });
    // The second group begins with a copy, the third does not.
    expect(geometry.nextRun(32_768)).toEqual({ start: 32_801, end: 3 * 32_768 });
    expect(geometry.nextRun(100_000)).toEqual({ start: 100_000, end: 5 * 32_768 });
  });

  test('with blocks of 1024 bytes the first one is not used', () => {
    const geometry = new Geometry(1024);
    expect(geometry.nextRun(1)).toEqual({ start: 130, end: 8193 });
    expect(geometry.nextRun(8193)).toEqual({ start: 8193 + 129, end: 3 * 8192 + 1 });
  });

  test('beyond the groups whose descriptors have room after the superblock', () => {
    const geometry = new Geometry(1024, 1);
    expect(geometry.classicGroups).toBe(16);
    const overhead = Array.from({ length: 40 }, (_, group) => geometry.overhead(group));
    // Groups 25 and 27 have a copy of the superblock; first, second and last of each sixteen have descriptors.
    const beyond = [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    expect(overhead).toEqual([2, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0, ...beyond]);
  });
});

describe('giving out blocks', () => {
  const geometry = new Geometry(4096);

  test('tables in one piece, the gap before a copy of the superblock for what fits anywhere', () => {
    const space = new Space(geometry, 32_700);
    expect(space.end).toBe(32_700);
    expect(space.consecutive(100)).toBe(32_801);
    expect(space.gaps).toEqual([{ start: 32_700, end: 32_768 }]);
    expect(space.blocks(70)).toEqual([
      { logical: 0, physical: 32_700, count: 68 },
      { logical: 68, physical: 32_901, count: 2 },
    ]);
    expect(space.end).toBe(32_903);
    expect(space.gaps).toEqual([]);
  });

  test('runs go on behind copies of the superblock', () => {
    const space = new Space(geometry, 32_767);
    expect(space.blocks(3)).toEqual([
      { logical: 0, physical: 32_767, count: 1 },
      { logical: 1, physical: 32_801, count: 2 },
    ]);
  });
});
