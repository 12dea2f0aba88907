import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { codecVersion } from './codec-version.ts';

test('node:zlib by its libraries, others by their packages', () => {
  expect(codecVersion('zlib')).toBe(`${process.arch} ${process.versions.zlib}`);
  const { zstd } = process.versions as { zstd?: string };
  expect(codecVersion('zstd')).toBe(zstd === undefined ? undefined : `${process.arch} ${zstd}`);
  const module = createRequire(import.meta.url).resolve('fast-check');
  expect(codecVersion(module)).toMatch(/^\w+ fast-check@\d+\.\d+\.\d+/);
  expect(codecVersion('/nowhere/at/all.js')).toBeUndefined();
});
