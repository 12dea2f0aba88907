import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES, type ReadTree } from '../packages/sink-compliance/src/index.ts';
import { readExt4 } from '../packages/sink-ext4/src/testing/read-tree.ts';
import { bytesOf } from '../packages/sink-squashfs/src/testing/build.ts';
import { listTree } from './support/trees.ts';

let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'ocirender-e2e-read-ext4-'));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(tool: string, args: readonly string[]): void {
  execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Fills a mounted filesystem by way of the kernel. */
function fill(at: string): void {
  for (let i = 0; i < 40; i++) writeFileSync(`${at}/file-${i}`, bytesOf(i * i * 37, i, true));
  for (const size of [1, 59, 60, 61, 100, 130]) writeFileSync(`${at}/small-${size}`, bytesOf(size, size));
  // Twelve direct blocks and more; through indirect and doubly indirect ones.
  writeFileSync(`${at}/large`, bytesOf(3_000_000, 7, true));
  const sparse = openSync(`${at}/sparse`, 'w');
  for (let i = 0; i < 60; i++) writeSync(sparse, bytesOf(5000, i, true), 0, 5000, i * 1_000_000);
  closeSync(sparse);
  truncateSync(`${at}/sparse`, 70_000_000);
  mkdirSync(`${at}/wide`);
  for (let i = 0; i < 1500; i++) writeFileSync(`${at}/wide/a name of some length, number ${i}`, '');
  mkdirSync(`${at}/few`);
  for (let i = 0; i < 6; i++) writeFileSync(`${at}/few/${i}`, '');
  linkSync(`${at}/large`, `${at}/few/link`);
  symlinkSync('a'.repeat(59), `${at}/short`);
  symlinkSync('b'.repeat(60), `${at}/middle`);
  symlinkSync('c'.repeat(900), `${at}/long`);
  run('mknod', [`${at}/old`, 'b', '8', '1']);
  run('mknod', [`${at}/new`, 'c', '300', '70000']);
  run('mkfifo', [`${at}/fifo`]);
  run('setfattr', ['-n', 'user.short', '-v', 'in the inode', `${at}/file-1`]);
  run('setfattr', ['-n', 'user.long', '-v', 'x'.repeat(500), `${at}/file-1`]);
  run('setfattr', ['-n', 'trusted.t', '-v', 'y', `${at}/few`]);
  run('setfacl', ['-m', 'u:1000:rwx,g:7:r', `${at}/file-2`]);
  run('setfacl', ['-d', '-m', 'u:1000:rwx', `${at}/few`]);
  run('chown', ['70000:80000', `${at}/file-3`]);
  utimesSync(`${at}/file-4`, 0, 1_234_567_890.123);
}

test.each([
  ['ext4 as mke2fs makes it', ['-t', 'ext4'], ''],
  ['ext3', ['-t', 'ext3'], ''],
  ['ext2', ['-t', 'ext2', '-b', '1024'], ''],
  ['ext2 with small inodes', ['-t', 'ext2', '-I', '128'], ''],
  ['ext4 with inline data', ['-t', 'ext4', '-O', 'inline_data'], ''],
  ['ext4 with large attributes', ['-t', 'ext4', '-O', 'ea_inode', '-b', '1024'], 'x'.repeat(20_000)],
  [
    'ext4 of 32 bits without checksums',
    ['-t', 'ext4', '-O', '^64bit,^metadata_csum,^resize_inode', '-b', '2048'],
    '',
  ],
  ['ext4 with descriptors everywhere', ['-t', 'ext4', '-O', 'meta_bg,^resize_inode', '-b', '1024'], ''],
  ['ext4 with clusters', ['-t', 'ext4', '-O', 'bigalloc'], ''],
])('%s', async (_, options, largeValue) => {
  const image = join(work, 'image');
  const at = join(work, 'mount');
  rmSync(image, { force: true });
  writeFileSync(image, '');
  truncateSync(image, 300 * 2 ** 20);
  run('mke2fs', ['-q', '-F', ...options, image]);
  mkdirSync(at, { recursive: true });
  run('mount', ['-o', 'loop', image, at]);
  let expected: ReadTree;
  try {
    fill(at);
    if (largeValue !== '') run('setfattr', ['-n', 'user.large', '-v', largeValue, `${at}/file-5`]);
    const listed = new Map(await listTree(at));
    expect(lstatSync(`${at}/lost+found`).ino).toBe(11);
    listed.delete('lost+found');
    const root = listed.get('')!;
    expected = listed.set('', { ...root, links: root.links! - 1 });
  } finally {
    run('umount', [at]);
  }
  expect(compareTrees(await readExt4(image), expected, FULL_CAPABILITIES)).toEqual([]);
});
