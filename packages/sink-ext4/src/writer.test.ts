import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentChunk, DirectoryInode, Inode } from '@ocirender/interface';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytesOf, directory, file, PLAIN, stream } from '../../sink-squashfs/src/testing/build.ts';
import { openExt4 } from './reader/reader.ts';
import { build } from './testing/build.ts';
import { readExt4 } from './testing/read-tree.ts';
import type { Ext4WriterOptions } from './writer.ts';

const M = 2 ** 20;
let folder: string;
let image: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocirender-ext4-'));
  image = join(folder, 'image');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

type Store = (content: Uint8Array) => Promise<number>;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function someFiles(store: Store, count = 100): Promise<DirectoryInode> {
  const children: Record<string, Inode> = {};
  for (let i = 0; i < count; i++) {
    const bytes = bytesOf(1 + i * 300, i, true);
    children[`f${i}`] = file(bytes.length, await store(bytes));
  }
  return directory(children);
}

async function expectSomeFiles(count = 100): Promise<void> {
  const tree = await readExt4(image);
  expect(tree.size).toBe(count + 1);
  for (let i = 0; i < count; i++)
    expect(tree.get(`f${i}`)?.sha256).toBe(sha256(bytesOf(1 + i * 300, i, true)));
}

describe('size', () => {
  test('without a wish it is what the tree needs, to the last block', async () => {
    const { summary } = await build(image, {}, someFiles);
    expect(summary).toMatchObject({ freeBlocks: 0, blocks: summary.bytesWritten / 4096 });
    expect((await stat(image)).size).toBe(summary.bytesWritten);
    await expectSomeFiles();
  });

  test.each([
    {},
    { blockSize: 1024 },
    { journalSize: 4 * M },
    { inodes: 5000 },
    { inodeRatio: 4096 },
  ] as const)('too small is an error that names a size that does: %j', async (options) => {
    const tooSmall = await build(image, { ...options, size: M }, someFiles).catch((error: unknown) => error);
    expect(tooSmall).toMatchObject({ code: 'ERR_OCIRENDER_SINK_EXT4_TOO_SMALL' });
    const size = Number(/needs (\d+) bytes/.exec((tooSmall as Error).message)?.[1]);
    await rm(image);
    const { summary } = await build(image, { ...options, size }, someFiles);
    expect(summary.bytesWritten).toBe(size);
    await expectSomeFiles();
    await rm(image);
    const justNot = build(image, { ...options, size: size - summary.blockSize }, someFiles);
    await expect(justNot).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SINK_EXT4_TOO_SMALL' });
  });

  test.each([
    [{ bytes: 10 * M }, 10 * M],
    [{ bytes: 300 * M }, 300 * M],
    [{ percent: 50 }, M],
  ])('with free room %j', async (free, least) => {
    const { summary } = await build(image, { free }, someFiles);
    expect(summary.freeBlocks * 4096).toBeGreaterThanOrEqual(least);
    expect(summary.freeBlocks * 4096).toBeLessThan(summary.bytesWritten);
    expect(summary.freeInodes).toBeGreaterThanOrEqual(Math.floor(least / 16_384));
    await expectSomeFiles();
  });

  test('of the size that was asked for, whatever the last group could hold', async () => {
    for (const size of [128 * M, 128 * M + 4096, 128 * M + 40 * 4096, 129 * M + 1]) {
      const { summary } = await build(image, { size }, someFiles);
      expect((await stat(image)).size).toBe(size - (size % 4096));
      expect(summary.blocks * 4096).toBeLessThanOrEqual(size);
      await expectSomeFiles();
      await rm(image);
    }
  });

  test('more inodes than a group can have make more groups', async () => {
    const { summary } = await build(image, { inodes: 100_000 }, someFiles);
    expect(summary.inodes).toBeGreaterThanOrEqual(100_000);
    expect(summary.blocks).toBeGreaterThan(3 * 32_768);
    await expectSomeFiles();
  });
});

describe('contents', () => {
  test('that no file needs leave nothing behind', async () => {
    const clean = await build(image, {}, someFiles);
    await rm(image);
    const secret = Buffer.from('a secret that was deleted '.repeat(2000));
    const { summary } = await build(image, { size: 10 * M }, async (store) => {
      await store(secret);
      const root = await someFiles(store, 50);
      await store(secret);
      await store(secret);
      const rest = await someFiles(store);
      await store(secret);
      return directory(new Map([...root.children, ...[...rest.children].slice(50)]));
    });
    await expectSomeFiles();
    expect(summary.blocks - summary.freeBlocks).toBeLessThan(clean.summary.blocks + 20);
    expect((await readFile(image)).includes('a secret that was deleted')).toBe(false);
  });

  test('that two inodes share are stored for each', async () => {
    const bytes = bytesOf(50_000, 1, true);
    await build(image, {}, async (store) => {
      const content = await store(bytes);
      const one = file(bytes.length, content);
      return directory({ one, link: one, other: file(bytes.length, content, { mode: 0o600 }) });
    });
    const tree = await readExt4(image);
    expect(tree.get('link')?.inode).toBe(tree.get('one')?.inode);
    expect(tree.get('other')?.inode).not.toBe(tree.get('one')?.inode);
    for (const name of ['one', 'other']) expect(tree.get(name)?.sha256, name).toBe(sha256(bytes));
  });

  test('any holes, chunks and blocks of zeros come back, from any place', async () => {
    const chunk = fc.oneof(
      fc.tuple(fc.nat(20_000), fc.nat(250)).map(([length, seed]) => bytesOf(length, seed, true)),
      fc.integer({ min: 1, max: 40_000 }).map((hole) => ({ hole })),
      fc.integer({ min: 1, max: 40_000 }).map((length) => Buffer.alloc(length)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 12 }),
        fc.constantFrom(1024, 2048, 4096),
        fc.nat(),
        async (chunks, blockSize, place) => {
          const whole = Buffer.concat(
            chunks.map((part) => (part instanceof Uint8Array ? part : Buffer.alloc(part.hole))),
          );
          fc.pre(whole.length > 0);
          await rm(image, { force: true });
          await build(image, { blockSize }, async (store) =>
            directory({ f: file(whole.length, await store(stream(chunks as ContentChunk[]), whole.length)) }),
          );
          expect((await readExt4(image)).get('f')?.sha256).toBe(sha256(whole));
          const reader = await openExt4(image);
          const start = place % whole.length;
          const parts: Uint8Array[] = [];
          for await (const part of reader.read('f', { start, end: start + 5000 }))
            parts.push(part instanceof Uint8Array ? Buffer.from(part) : Buffer.alloc(part.hole));
          await reader.close();
          expect(Buffer.concat(parts).equals(whole.subarray(start, start + 5000))).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('a file of 2,000 extents', async () => {
    const chunks: ContentChunk[] = [];
    for (let i = 0; i < 2000; i++) chunks.push(bytesOf(1024, i, true), { hole: 1024 });
    await build(image, { blockSize: 1024 }, async (store) =>
      directory({ f: file(2000 * 2048, await store(stream(chunks), 2000 * 2048)) }),
    );
    const whole = Buffer.concat(
      chunks.map((part) => (part instanceof Uint8Array ? part : Buffer.alloc(part.hole))),
    );
    expect((await readExt4(image)).get('f')?.sha256).toBe(sha256(whole));
  });
});

describe('what ext4 cannot hold is an error with the path', () => {
  test.each<[string, Record<string, Inode>, string, RegExp, Ext4WriterOptions?]>([
    ['name', { [`d${'x'.repeat(255)}`]: file(0, undefined) }, 'NAME_LENGTH', /256 bytes/],
    [
      'target',
      { d: { ...PLAIN, type: 'symlink', target: 't'.repeat(4096) } },
      'SYMLINK_LENGTH',
      /^d: .* 4096 bytes/,
    ],
    [
      'target with small blocks',
      { d: { ...PLAIN, type: 'symlink', target: 't'.repeat(1024) } },
      'SYMLINK_LENGTH',
      /^d: .* 1024 bytes/,
      { blockSize: 1024 },
    ],
    ['empty target', { d: { ...PLAIN, type: 'symlink', target: '' } }, 'SYMLINK_LENGTH', /^d: .* 0 bytes/],
    [
      'major',
      { d: { ...PLAIN, type: 'block-device', devMajor: 4096, devMinor: 0 } },
      'DEVICE_NUMBER',
      /^d: device 4096:0/,
    ],
    [
      'minor',
      { d: { ...PLAIN, type: 'character-device', devMajor: 1, devMinor: 2 ** 20 } },
      'DEVICE_NUMBER',
      /^d: device 1:1048576/,
    ],
    [
      'xattrs',
      { d: directory({ e: file(0, undefined, { xattrs: new Map([['user.large', Buffer.alloc(5000)]]) }) }) },
      'XATTR_SIZE',
      /^d\/e: .* bytes more than ext4 has room for/,
    ],
  ])('%s', async (_, children, code, message, options = {}) => {
    await expect(build(image, options, () => directory(children))).rejects.toMatchObject({
      code: `ERR_OCIRENDER_SINK_EXT4_${code}`,
      message: expect.stringMatching(message) as string,
    });
  });

  test('more than 65,000 names of one inode', async () => {
    const one = file(0, undefined);
    const names = Array.from({ length: 65_001 }, (__, i): [string, Inode] => [`${i}`, one]);
    await expect(build(image, {}, () => directory(new Map(names)))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_EXT4_TOO_MANY_LINKS',
    });
    await rm(image);
    await build(image, {}, () => directory(new Map(names.slice(1))));
    const reader = await openExt4(image);
    expect((await reader.stat('1')).links).toBe(65_000);
    await reader.close();
  });

  test('more than 65,000 names of one inode: with lenient a second one begins', async () => {
    const { diagnostics } = await build(image, { lenient: true }, async (store) => {
      const one = file(5, await store(Buffer.from('hello')));
      return directory(new Map(Array.from({ length: 65_002 }, (__, i): [string, Inode] => [`${i}`, one])));
    });
    expect(diagnostics.map(({ code }) => code)).toEqual(['hardlinks-split']);
    const reader = await openExt4(image);
    const names = [await reader.stat('0'), await reader.stat('9999')];
    expect(names.map(({ links }) => links)).toEqual([65_000, 2]);
    for (const name of ['0', '9999']) {
      const parts = [];
      for await (const part of reader.read(name)) parts.push(Buffer.from(part as Uint8Array));
      expect(Buffer.concat(parts).toString()).toBe('hello');
    }
    await reader.close();
  });

  test('a file whose content never came', async () => {
    await expect(build(image, {}, () => directory({ d: file(5, 7) }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });

  test.each([
    [{ label: 'seventeen bytes a' }, 'label'],
    [{ label: 'a\0b' }, 'label'],
    [{ journalSize: 4096 * 1023 }, 'journal'],
  ])('%j', async (options, name) => {
    await expect(build(image, options, () => directory({}))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_INVALID_OPTION',
      message: expect.stringContaining(`"${name}"`) as string,
    });
  });
});

describe('what ext4 has no place for', () => {
  test('attributes are dropped, with a word', async () => {
    const xattrs = new Map([
      ['user.kept', Buffer.from('1')],
      ['user.', Buffer.from('1')],
      ['system.other', Buffer.from('1')],
      ['nothing', Buffer.from('1')],
      ['system.posix_acl_access', Buffer.from('no acl')],
    ]);
    const { diagnostics } = await build(image, {}, () => directory({ f: file(0, undefined, { xattrs }) }));
    expect(diagnostics.map(({ code, path }) => [code, path])).toEqual(Array(4).fill(['xattr-dropped', 'f']));
    expect([...((await readExt4(image)).get('f')?.xattrs.keys() ?? [])]).toEqual(['user.kept']);
  });

  test('times are clamped, with a word', async () => {
    const { diagnostics } = await build(image, {}, () =>
      directory({
        early: file(0, undefined, { mtime: -(2 ** 31) - 1 }),
        late: file(0, undefined, { mtime: 2 ** 34 }),
      }),
    );
    expect(diagnostics.map(({ code, path }) => [code, path])).toEqual([
      ['time-clamped', 'early'],
      ['time-clamped', 'late'],
    ]);
    const tree = await readExt4(image);
    expect([tree.get('early')?.mtime, tree.get('late')?.mtime]).toEqual([-(2 ** 31), 2 ** 34 - 2 ** 31 - 1]);
  });
});

test('a size that is no multiple of the block size is rounded down, with a diagnostic', async () => {
  const { summary, diagnostics } = await build(image, { size: 3_000_000, blockSize: 1024 }, () =>
    directory({}),
  );
  expect(summary.bytesWritten).toBe(2929 * 1024);
  expect((await stat(image)).size).toBe(2929 * 1024);
  expect(diagnostics).toEqual([
    {
      code: 'size-rounded',
      message: 'the size 3000000 is no multiple of the block size 1024: the file has 2999296 bytes',
    },
  ]);
  await rm(image);
  const even = await build(image, { size: 4096 * 512 }, () => directory({}));
  expect(even.summary.bytesWritten).toBe(4096 * 512);
  expect(even.diagnostics).toEqual([]);
});

test('the identity comes from the seed unless it is given', async () => {
  const uuids = new Set<string>();
  for (const seed of ['sha256:1', 'sha256:1', 'sha256:2']) {
    uuids.add((await build(image, { seed }, () => directory({}))).summary.uuid);
    await rm(image);
  }
  expect(uuids.size).toBe(2);
  await build(image, { uuid: Buffer.alloc(16, 7), label: 'größe' }, () => directory({}));
  const reader = await openExt4(image);
  expect(reader.source.facts).toMatchObject({
    uuid: '07070707-0707-0707-0707-070707070707',
    label: 'größe',
    blockSize: 4096,
    features:
      'ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super large_file huge_file dir_nlink ' +
      'extra_isize metadata_csum',
  });
  await reader.close();
});

test.each([1024, 4096])(
  'directories of any size, names of any bytes: blocks of %i bytes',
  async (blockSize) => {
    const wide = Array.from({ length: 5000 }, (_, i): [string, Inode] => [
      `${i}${i % 3 === 0 ? '\u00ff\u00e9'.repeat(1 + (i % 60)) : ''}`,
      file(0, undefined, { uid: i }),
    ]);
    await build(image, { blockSize }, () => directory({ wide: directory(new Map(wide)) }));
    const reader = await openExt4(image);
    const names = await reader.list('wide');
    expect(names.length).toBe(5000);
    for (const [name, inode] of wide.slice(0, 300))
      expect((await reader.stat(`wide/${name}`)).uid).toBe(inode.uid);
    await reader.close();
  },
);

test("an image's own lost+found is not the filesystem's", async () => {
  await build(image, {}, () =>
    directory({ 'lost+found': directory({}, { mode: 0o755, uid: 5 }), f: file(0, undefined) }),
  );
  const tree = await readExt4(image);
  expect([...tree.keys()]).toEqual(['', 'f', 'lost+found']);
  expect(tree.get('lost+found')).toMatchObject({ mode: 0o755, uid: 5 });
  await rm(image);
  await build(image, {}, () => directory({ 'lost+found': file(0, undefined) }));
  expect((await readExt4(image)).get('lost+found')?.type).toBe('file');
});
