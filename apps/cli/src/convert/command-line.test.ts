import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { convertFlags } from './convert-flags.ts';
import { imageReference } from './convert-settings.ts';
import { LIMIT_FLAGS, MERGE_LIMIT_FLAGS } from './limit-flags.ts';
import { readLimits } from './limit-values.ts';
import { resolveOutput } from './output-target.ts';
import { parseSinkOptions } from './sink-options.ts';

const USAGE = expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' });

describe('parseSinkOptions', () => {
  test('splits at the first = and turns bare keys on', () => {
    expect(parseSinkOptions(['a=b=c', 'empty=', 'on'], undefined)).toEqual({
      a: 'b=c',
      empty: '',
      on: 'true',
    });
  });

  test('--mksquashfs is a shorthand', () => {
    expect(parseSinkOptions(['block-size=64K'], '/usr/bin/mksquashfs')).toEqual({
      'block-size': '64K',
      engine: 'mksquashfs',
      mksquashfs: '/usr/bin/mksquashfs',
    });
  });

  test('--size, --label and --uuid are shorthands', () => {
    expect(parseSinkOptions(['free=0'], undefined, { size: '1G', label: 'root', uuid: undefined })).toEqual({
      free: '0',
      size: '1G',
      label: 'root',
    });
    expect(() => parseSinkOptions(['size=1G'], undefined, { size: '1G' })).toThrow(USAGE);
  });

  test('a key named like a property of every object is an ordinary key', () => {
    expect(Object.entries(parseSinkOptions(['__proto__=x'], undefined))).toEqual([['__proto__', 'x']]);
  });

  test.each([
    [['=x'], undefined],
    [[''], undefined],
    [['a=1', 'a=2'], undefined],
    [['engine=internal'], '/m'],
    [[], ''],
  ])('refuses %j with --mksquashfs %j', (pairs, mksquashfs) => {
    expect(() => parseSinkOptions(pairs, mksquashfs)).toThrow(USAGE);
  });
});

describe('readLimits', () => {
  test('gives only what was set, by the name of the engine', () => {
    expect(
      readLimits(
        {
          'max-entries': '12',
          'max-sparse-extents': '7',
          'max-total-size': '2G',
          'max-xattrs': '64KiB',
          'max-window': '8M',
          other: '1',
        },
        MERGE_LIMIT_FLAGS,
      ),
    ).toEqual({
      entries: 12,
      sparseExtents: 7,
      windowBytes: 8 * 1024 ** 2,
      totalBytes: 2 * 1024 ** 3,
      xattrBytes: 65_536,
    });
  });

  test.each([
    [{ 'max-entries': '12K' }],
    [{ 'max-entries': '0' }],
    [{ 'max-ratio': '-1' }],
    [{ 'max-ratio': '99999999999999999999' }],
    [{ 'max-total-size': '' }],
    [{ 'max-total-size': '1.5G' }],
  ])('refuses %j', (flags) => {
    expect(() => readLimits(flags, MERGE_LIMIT_FLAGS)).toThrow(USAGE);
  });
});

test('every limit has a flag of its own, which convert takes', () => {
  const flags = Object.values(LIMIT_FLAGS).map(({ flag }) => flag);
  expect(new Set(flags).size).toBe(flags.length);
  expect(flags.filter((flag) => !(flag in convertFlags))).toEqual([]);
});

describe('resolveOutput', () => {
  const pipe = Object.assign(new PassThrough(), { isTTY: false });
  const terminal = Object.assign(new PassThrough(), { isTTY: true });

  test('paths, nothing, and standard output', () => {
    expect(resolveOutput('a/b', true, terminal)).toBe('a/b');
    expect(resolveOutput(undefined, false, terminal)).toBeUndefined();
    expect(resolveOutput('-', false, pipe)).toBe(pipe);
  });

  test('refuses an empty path, a terminal, and stdout that --json needs', () => {
    expect(() => resolveOutput('', false, pipe)).toThrow(USAGE);
    expect(() => resolveOutput('-', false, terminal)).toThrow(USAGE);
    expect(() => resolveOutput('-', true, pipe)).toThrow(USAGE);
  });
});

test('the image comes from the argument or --image, not both', () => {
  expect([imageReference('a', undefined), imageReference(undefined, 'b')]).toEqual(['a', 'b']);
  expect(() => imageReference('a', 'b')).toThrow(USAGE);
  expect(() => imageReference(undefined, undefined)).toThrow(USAGE);
  expect(() => imageReference('', undefined)).toThrow(USAGE);
});
