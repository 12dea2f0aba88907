import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeTree } from './remove-tree.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-remove-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

it('removes directories that may not be entered, and does not follow links', async () => {
  await mkdir(join(directory, 'keep'));
  await writeFile(join(directory, 'keep/file'), '');
  await mkdir(join(directory, 'tree/closed/inner'), { recursive: true });
  await symlink('../keep', join(directory, 'tree/link'));
  await chmod(join(directory, 'tree/closed/inner'), 0o555);
  await chmod(join(directory, 'tree/closed'), 0o000);
  await removeTree(join(directory, 'tree'));
  await removeTree(join(directory, 'absent'));
  expect(await readdir(directory)).toEqual(['keep']);
  expect(await readdir(join(directory, 'keep'))).toEqual(['file']);
});

it('removes paths longer than the system takes', async () => {
  // No single call can make such a path: each step enters what it has made.
  const script = `const { mkdirSync } = require('node:fs');
    for (let i = 0; i < 60; i++) { const name = 'x'.repeat(200); mkdirSync(name); process.chdir(name); }`;
  await mkdir(join(directory, 'deep'));
  execFileSync(process.execPath, ['-e', script], { cwd: join(directory, 'deep') });
  await removeTree(join(directory, 'deep'));
  expect(await readdir(directory)).toEqual([]);
});
