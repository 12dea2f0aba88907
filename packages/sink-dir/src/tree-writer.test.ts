import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Diagnostic, type DirectoryInode, type Inode, NO_XATTRS } from '@ocirender/interface';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeRemovable } from '../test/make-removable.ts';
import { directory, file, MINE } from '../test/session.ts';
import { OPEN_DIRECTORY } from './format.ts';
import { type Libc, loadLibc } from './libc.ts';
import { MetadataWriter } from './metadata.ts';
import { Shortfall } from './shortfall.ts';
import { Staging } from './staging.ts';
import { TreeWriter } from './tree-writer.ts';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'ocirender-dir-'));
});
afterEach(() => makeRemovable(path));

/** Writes a tree where a file can have one name more than that; gives what was said. */
async function write(
  most: number,
  lenient: boolean,
  tree: (store: (text: string) => Promise<number>) => Promise<DirectoryInode>,
): Promise<Diagnostic[]> {
  const real = await loadLibc();
  const limited: Libc = {
    ...real,
    linkat(from, fromName, to, toName) {
      // The name in the staging directory is one of them.
      const full = statSync(join(path, '.ocirender-contents', fromName)).nlink > most;
      return full ? -constants.errno.EMLINK : real.linkat(from, fromName, to, toName);
    },
  };
  const root = real.openat(-100, path, OPEN_DIRECTORY, 0);
  const shortfall = new Shortfall();
  const metadata = new MetadataWriter(real, shortfall, root);
  const staging = new Staging(real, metadata, root);
  const diagnostics: Diagnostic[] = [];
  const inode = await tree(async (text) =>
    staging.write(Buffer.from(text), { size: text.length, placement: { path: 'x', metadata: MINE } }),
  );
  const parts = { libc: limited, metadata, shortfall, staging, root, fills: false, checkAborted: () => {} };
  const diagnose = (diagnostic: Diagnostic): void => void diagnostics.push(diagnostic);
  const writer = new TreeWriter({ ...parts, lenient, diagnose }, { root: inode });
  try {
    await writer.writeNames();
    await staging.remove(() => {});
  } finally {
    writer.close();
    await staging.close();
    real.close(root);
  }
  return diagnostics;
}

const names = (inode: Inode, prefix: string): Record<string, Inode> =>
  Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`${prefix}${index}`, inode]));

test('a file with more names than the file system allows goes on as a copy', async () => {
  const diagnostics = await write(3, true, async (store) => {
    const fifo: Inode = { ...MINE, type: 'fifo', xattrs: NO_XATTRS };
    return directory({ ...names(file(await store('hello'), 5), 'f'), ...names(fifo, 'p') });
  });
  expect(diagnostics.map(({ code, path: at }) => [code, at])).toEqual([
    ['hardlinks-split', 'f3'],
    ['hardlinks-split', 'p3'],
  ]);
  const stats = Array.from({ length: 7 }, (_, index) => statSync(join(path, `f${index}`)));
  expect(stats.map(({ nlink }) => nlink)).toEqual([3, 3, 3, 4, 4, 4, 4]);
  expect(new Set(stats.map(({ ino }) => ino)).size).toBe(2);
  for (const index of [0, 3, 6]) expect(readFileSync(join(path, `f${index}`), 'utf8')).toBe('hello');
  expect(statSync(join(path, 'p6')).isFIFO()).toBe(true);
});

test('or is an error that says so', async () => {
  await expect(
    write(3, false, async (store) => directory(names(file(await store('hello'), 5), 'f'))),
  ).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_IO',
    message: expect.stringMatching(/^f3 cannot be written: EMLINK/),
    hint: expect.stringContaining('--lenient'),
  });
});
