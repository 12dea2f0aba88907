import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { placeOf, relationOf } from './place.ts';

let directory: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'ocirender-place-')));
  mkdirSync(join(directory, 'a/b'), { recursive: true });
  mkdirSync(join(directory, 'ab'));
  writeFileSync(join(directory, 'a/file'), '');
  linkSync(join(directory, 'a/file'), join(directory, 'ab/hard'));
  symlinkSync('a', join(directory, 'link'));
  symlinkSync('nowhere', join(directory, 'dangling'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it.each([
  ['a', 'a', 'is'],
  ['a', 'ab', undefined],
  ['a', 'a/b', 'contains'],
  ['a/b', 'a', 'lies in'],
  ['a/new', 'a', 'lies in'],
  ['new/x', 'new', 'lies in'],
  ['link/b', 'a/b', 'is'],
  ['link/new', 'a', 'lies in'],
  ['link/b/../../a', 'link', 'is'],
  ['a/file', 'ab/hard', 'is'],
  ['a/new', 'a/other', undefined],
  ['dangling', 'a', undefined],
  ['.', 'a/b/new', 'contains'],
] as const)('%s %s: %s', async (one, other, relation) => {
  const [a, b] = [await placeOf(join(directory, one), true), await placeOf(join(directory, other), true)];
  expect(relationOf(a, b)).toBe(relation);
});

it('takes a symbolic link for itself when it is to be replaced', async () => {
  const link = await placeOf(join(directory, 'link'), false);
  expect(link.path).toBe(join(directory, 'link'));
  expect(relationOf(link, await placeOf(join(directory, 'a'), true))).toBeUndefined();
});

it('knows mount points', async () => {
  expect((await placeOf('/proc', true)).isMountPoint).toBe(true);
  expect((await placeOf('/', true)).isMountPoint).toBe(true);
  expect((await placeOf(join(directory, 'a'), true)).isMountPoint).toBe(false);
});
