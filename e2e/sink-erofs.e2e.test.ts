import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../packages/core/src/index.ts';
import { type Case, loadCases } from '../packages/core/test/support/case-fixtures.ts';
import { compareCase } from '../packages/core/test/support/compare-case.ts';
import { formatUuid, uuidFrom } from '../packages/image-file/src/index.ts';
import type { DirectoryInode, Inode } from '../packages/interface/src/index.ts';
import { compareTrees, FULL_CAPABILITIES, type ReadTree } from '../packages/sink-compliance/src/index.ts';
import { type ErofsWriterOptions, erofsSink } from '../packages/sink-erofs/src/index.ts';
import {
  build,
  bytesOf,
  directory,
  file,
  PLAIN,
  type Store,
  stream,
} from '../packages/sink-erofs/src/testing/build.ts';
import { readErofs } from '../packages/sink-erofs/src/testing/read-erofs.ts';
import { node24 } from './support/cli.ts';
import { asHeld, ensureImages, IMAGE_DIRECTORY, umociTree } from './support/images.ts';
import { must, run } from './support/run.ts';
import { listTree, withMount } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** Beginnings of the names of the xattrs that Linux stores. */
const LINUX_XATTRS = ['user.', 'trusted.', 'security.'];
/** Names in the large directory. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
const MANY = Number(process.env['OCIRENDER_EROFS_NAMES'] ?? 20_000);

let work: string;

beforeAll(async () => {
  work = await makeDirectory();
});

afterAll(() => removeDirectory(work));

/** What the kernel shows of an image. */
function kernelTree(image: string): Promise<ReadTree> {
  return withMount(image, join(work, 'mount'), listTree, 'erofs');
}

/** fsck.erofs must be content, and read every byte. */
async function expectSound(image: string): Promise<void> {
  const { code, stderr } = await run('fsck.erofs', ['--extract', image]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

/** What dump.erofs counts, by its own words. */
async function counts(image: string): Promise<Record<string, number>> {
  const lines = (await must('dump.erofs', ['-S', image])).matchAll(/^Filesystem (.*) count:\s+(\d+)$/gm);
  return Object.fromEntries([...lines].map(([, what, count]) => [what, Number(count)]));
}

describe('cases', () => {
  const cases = loadCases().filter(({ outcome }) => outcome.tree !== undefined);

  test.each(cases.map((item): [string, Case] => [item.name, item]))(
    '%s',
    async (name, { image, outcome }) => {
      const output = join(work, `${name}.erofs`);
      await convert({ image, sink: erofsSink, output });
      await expectSound(output);
      const tree = await kernelTree(output);
      expect(compareCase(tree, outcome.tree ?? {}, { xattrPrefixes: LINUX_XATTRS })).toEqual([]);
      expect(compareTrees(await readErofs(output), tree, FULL_CAPABILITIES)).toEqual([]);
    },
  );
});

describe('debian', () => {
  const image = join(IMAGE_DIRECTORY, 'debian');
  let unpacked: string;
  let reference: ReadTree;

  beforeAll(async () => {
    await ensureImages(['debian']);
    unpacked = join(work, 'umoci');
    reference = await umociTree(image, unpacked);
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    ['as it is', {}, []],
    ['lz4 in clusters of 4K', { compression: 'lz4', 'cluster-size': '4K' }, ['-zlz4']],
    ['lz4 in clusters of 64K', { compression: 'lz4' }, ['-zlz4', '-C65536']],
  ])(
    '%s: what umoci unpacks, in hardly more room than mkfs.erofs takes',
    async (name, sinkOptions, likewise) => {
      const output = join(work, `debian ${name}.erofs`);
      await convert({ image, sink: erofsSink, output, sinkOptions, threads: 2 });
      const tree = await kernelTree(output);
      const expected = asHeld(reference, tree, false);
      expect(compareTrees(tree, expected, FULL_CAPABILITIES)).toEqual([]);
      expect(compareTrees(await readErofs(output), tree, FULL_CAPABILITIES)).toEqual([]);
      await expectSound(output);
      const made = join(work, `made ${name}.erofs`);
      await must('mkfs.erofs', ['--quiet', ...likewise, made, unpacked]);
      expect(await counts(output)).toEqual(await counts(made));
      expect((await stat(output)).size).toBeLessThan((await stat(made)).size * 1.02);
      // The reader takes images of other writers too.
      expect(compareTrees(await readErofs(made), expected, FULL_CAPABILITIES)).toEqual([]);
    },
  );

  test('zstd, where Node.js has it', async () => {
    const output = join(work, 'debian-zstd.erofs');
    const module = (path: string): string =>
      JSON.stringify(new URL(`../packages/${path}/dist/index.js`, import.meta.url).href);
    const program =
      `const { convert } = await import(${module('core')}); const { erofsSink: sink } = await import(${module('sink-erofs')});` +
      `await convert({ image: process.argv[1], output: process.argv[2], sink, threads: 2, sinkOptions: { compression: 'zstd' } });`;
    await must(await node24(), ['--input-type=module', '--eval', program, image, output]);
    const tree = await kernelTree(output);
    expect(compareTrees(tree, asHeld(reference, tree, false), FULL_CAPABILITIES)).toEqual([]);
  });
});

const attributes = (set: Record<string, string>): Map<string, Uint8Array> =>
  new Map(Object.entries(set).map(([name, value]) => [name, Buffer.from(value, 'latin1')]));

/** An ACL as the kernel has it: rwx for the owner, `r-x` for user 1000, mask and others. */
const ACL =
  '\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x05\0\xe8\x03\0\0\x04\0\x05\0\xff\xff\xff\xff' +
  '\x10\0\x05\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff';

const CAPABILITY = `\x01\0\0\x02\0\x04${'\0'.repeat(14)}`;

/** A tree with everything in it. */
async function everything(store: Store): Promise<DirectoryInode> {
  const files: Record<string, Inode> = {};
  for (const size of [1, 4031, 4032, 4033, 4095, 4096, 4097, 8191, 65_536, 65_537, 131_072, 300_001]) {
    files[`noise-${size}`] = file(size, await store(bytesOf(size, size, true)), { mtimeNs: size });
    files[`same-${size}`] = file(size, await store(bytesOf(size, size, true)), { mtimeNs: 1 });
    files[`zero-${size}`] = file(size, await store(Buffer.alloc(size)), { uid: 70_000 });
    const tight = attributes({ 'user.much': 'x'.repeat(400), 'user.size': `${size}` });
    files[`tight-${size}`] = file(size, await store(bytesOf(size, size + 1)), { xattrs: tight });
  }
  for (let i = 0; i < 300; i++) {
    const size = 1 + ((i * 7919) % 9000);
    files[`small-${i}`] = file(size, await store(bytesOf(size, i)), { mtime: -5, mtimeNs: i });
  }
  const link = file(200_000, await store(bytesOf(200_000, 9)), { mode: 0o4755 });
  const set = { 'user.text': 'hello', 'security.capability': CAPABILITY, 'trusted.x': 'x\0y' };
  const metadata = {
    ...PLAIN,
    mode: 0o640,
    uid: 1000,
    gid: 4_000_000_000,
    mtime: 17_179_869_183,
    mtimeNs: 999_999_999,
  };
  return directory(
    {
      files: directory(files, { mode: 0o1777 }),
      links: directory({ a: link, b: link, up: { ...PLAIN, type: 'symlink', target: '../files/noise-1' } }),
      link,
      '+before': file(0, undefined, { mtime: 0 }),
      'n\xe9 \xff\n': file(0, undefined),
      ['x'.repeat(255)]: file(0, undefined),
      long: { ...PLAIN, mode: 0o777, type: 'symlink', target: `/${'t'.repeat(4094)}` },
      null: { ...PLAIN, type: 'character-device', devMajor: 1, devMinor: 3 },
      big: { ...metadata, type: 'character-device', devMajor: 0xfff, devMinor: 0xfffff },
      disk: {
        ...metadata,
        type: 'block-device',
        devMajor: 8,
        devMinor: 300,
        xattrs: attributes({ 'trusted.d': '2' }),
      },
      pipe: { ...metadata, type: 'fifo' },
      socket: { ...metadata, type: 'socket', xattrs: attributes({ 'security.s': '3' }) },
      attributes: file(10, await store(bytesOf(10, 77)), { ...metadata, xattrs: attributes(set) }),
      large: file(10, await store(bytesOf(10, 78)), {
        xattrs: attributes({ 'user.l': 'y'.repeat(60_000), ...set }),
      }),
      many: directory(
        {},
        {
          xattrs: attributes(
            Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`user.${i}`, 'v'.repeat(i)])),
          ),
        },
      ),
      acl: directory(
        { file: file(0, undefined, { mode: 0o754, xattrs: attributes({ 'system.posix_acl_access': ACL }) }) },
        { mode: 0o755, xattrs: attributes({ 'system.posix_acl_default': ACL, ...set }) },
      ),
      shared: directory(
        Object.fromEntries(
          Array.from({ length: 5 }, (_, i) => [`f${i}`, file(0, undefined, { xattrs: attributes(set) })]),
        ),
      ),
    },
    { mode: 0o700, uid: 5, gid: 6, mtime: 123_456_789 },
  );
}

describe.each([512, 1024, 2048, 4096])('blocks of %i bytes', (blockSize) => {
  test('the kernel shows what the reader shows, and what was written', async () => {
    const image = join(work, `all-${blockSize}.erofs`);
    const { diagnostics, summary } = await build(
      image,
      { blockSize, label: 'everything', seed: `sha256:${'ab'.repeat(32)}` },
      everything,
    );
    expect(diagnostics).toEqual([]);
    expect((await stat(image)).size).toBe(summary.bytesWritten);
    const tree = await kernelTree(image);
    expect(tree.size).toBe(summary.inodes + 2);
    expect(compareTrees(await readErofs(image), tree, FULL_CAPABILITIES)).toEqual([]);
    expect([...(tree.get('acl/file')?.xattrs ?? [])]).toEqual([
      ['system.posix_acl_access', Buffer.from(ACL, 'latin1')],
    ]);
    expect(tree.get('large')?.xattrs.get('user.l')?.length).toBe(60_000);
    expect(tree.get('many')?.xattrs.size).toBe(300);
    expect(tree.get('files/small-7')).toMatchObject({ mtime: -5, mtimeNs: 7 });
    expect(tree.get('attributes')).toMatchObject({
      gid: 4_000_000_000,
      mtime: 17_179_869_183,
      mtimeNs: 999_999_999,
    });
    expect(tree.get('long')?.target).toBe(`/${'t'.repeat(4094)}`);
    expect(tree.get('link')?.links).toBe(3);
    // Debian's 1.5 knows pages of 4096 bytes only.
    if (blockSize === 4096) {
      await expectSound(image);
      expect(await must('dump.erofs', ['-s', image])).toContain(
        formatUuid(uuidFrom(`ocirender erofs sha256:${'ab'.repeat(32)}`)),
      );
    }
    expect(await must('blkid', ['-o', 'value', '-s', 'LABEL', '-p', image])).toBe('everything\n');
  });
});

describe.each<ErofsWriterOptions>([
  { compression: 'lz4', clusterSize: 4096 },
  { compression: 'lz4', clusterSize: 65_536 },
  { compression: 'lz4hc', clusterSize: 16_384 },
  { compression: 'deflate', clusterSize: 4096 },
  { compression: 'deflate', clusterSize: 1_048_576 },
])('%j', (options) => {
  test('the kernel shows what the reader shows, and what is there without compression', async () => {
    const image = join(work, `${options.compression}-${options.clusterSize}.erofs`);
    const { summary } = await build(image, { ...options, threads: 2 }, everything);
    expect(summary.compressedFiles).toBeGreaterThan(100);
    const tree = await kernelTree(image);
    const plain = join(work, `${options.compression}-${options.clusterSize}-plain.erofs`);
    await build(plain, {}, everything);
    expect(compareTrees(tree, await kernelTree(plain), FULL_CAPABILITIES)).toEqual([]);
    expect(compareTrees(await readErofs(image), tree, FULL_CAPABILITIES)).toEqual([]);
    // Debian's 1.5 knows no other compressor.
    if (options.compression !== 'deflate') await expectSound(image);
  });
});

test('a large directory is looked up and listed by the kernel', async () => {
  const image = join(work, 'names.erofs');
  const names = Array.from({ length: MANY }, (_, i) => `a name of some length, number ${i}`);
  const children = new Map<string, Inode>(
    names.map((name, i) => [name, file(0, undefined, { uid: i % 1000 })]),
  );
  await build(image, {}, () => directory({ big: directory(children) }));
  await withMount(
    image,
    join(work, 'mount'),
    async (at) => {
      expect((await readdir(`${at}/big`)).sort()).toEqual([...names].sort());
      for (let i = 0; i < MANY; i += 37) expect((await stat(`${at}/big/${names[i]}`)).uid).toBe(i % 1000);
      for (const name of [' a', 'zzz', `${names[0]}0x`, 'a name'])
        await expect(stat(`${at}/big/${name}`)).rejects.toMatchObject({ code: 'ENOENT' });
    },
    'erofs',
  );
  await expectSound(image);
});

test('holes and equal chunks take no room', async () => {
  const image = join(work, 'holes.erofs');
  const size = 200 * 2 ** 30;
  const data = bytesOf(10_000, 1);
  const body = bytesOf(2 ** 20, 3, true);
  await build(image, {}, async (store) => {
    const chunks = [{ hole: 100 * 2 ** 30 + 5 }, data, { hole: size - 100 * 2 ** 30 - 5 - data.length }];
    const prefixed = Buffer.concat([bytesOf(65_536, 4, true), body]);
    return directory({
      sparse: file(size, await store(stream(chunks), size)),
      holes: file(size, await store(stream([{ hole: size }]), size)),
      one: file(body.length, await store(body)),
      other: file(body.length, await store(body)),
      prefixed: file(prefixed.length, await store(prefixed)),
    });
  });
  expect((await stat(image)).size).toBeLessThan(6 * 2 ** 20);
  await withMount(
    image,
    join(work, 'mount'),
    async (at) => {
      expect((await stat(`${at}/sparse`)).size).toBe(size);
      const buffer = Buffer.alloc(20_000);
      const handle = await open(`${at}/sparse`);
      await handle.read(buffer, 0, 20_000, 100 * 2 ** 30 - 5000);
      await handle.close();
      expect(buffer.equals(Buffer.concat([Buffer.alloc(5005), data, Buffer.alloc(4995)]))).toBe(true);
      await must('cmp', [`${at}/one`, `${at}/other`]);
      await must('cmp', ['--ignore-initial=65536:0', `${at}/prefixed`, `${at}/one`]);
    },
    'erofs',
  );
});

test('a full disk is an error of its own, not a hang', async () => {
  const at = join(work, 'full');
  await mkdir(at);
  await must('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at]);
  try {
    for (const [size, compression] of [
      [1_000_000, 'none'],
      [3000, 'none'],
      [1_000_000, 'lz4'],
    ] as const) {
      const full = build(join(at, `image-${size}`), { compression, threads: 2 }, async (store) => {
        for (let i = 0; i < 8_000_000 / size; i++) await store(bytesOf(size, i, true));
        return directory({});
      });
      await expect(full).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO', cause: { code: 'ENOSPC' } });
      await must('rm', ['-f', join(at, `image-${size}`)]);
    }
  } finally {
    await must('umount', [at]);
  }
});
