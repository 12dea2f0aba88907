import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCases } from '../packages/core/test/support/case-fixtures.ts';
import { type ContentChunk, type Inode, NO_XATTRS } from '../packages/interface/src/index.ts';
import { type ReadTree, sinkChecks } from '../packages/sink-compliance/src/index.ts';
import { ext4Sink } from '../packages/sink-ext4/src/index.ts';
import { build } from '../packages/sink-ext4/src/testing/build.ts';
import { bytesOf, directory, file, stream } from '../packages/sink-squashfs/src/testing/build.ts';
import { convertWithCli, ocirender } from './support/cli.ts';
import { readOutput } from './support/trees.ts';

const K = 1024;
const M = K * K;
const G = K * M;
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'ocirender-e2e-ext4-'));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(tool: string, args: readonly string[]): string {
  return execFileSync(tool, args, {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What e2fsck prints about a filesystem that is as it should be. */
const CLEAN =
  /^Pass 1: Checking inodes, blocks, and sizes\nPass 2: Checking directory structure\nPass 3: Checking directory connectivity\nPass 4: Checking reference counts\nPass 5: Checking group summary information\n[^\n]*files[^\n]*blocks\n$/;

function expectClean(image: string): void {
  const { status, stdout } = spawnSync('e2fsck', ['-fn', image], { encoding: 'latin1' });
  expect(stdout).toMatch(CLEAN);
  expect(status).toBe(0);
}

async function mounted<T>(image: string, act: (at: string) => T | Promise<T>, options = 'ro'): Promise<T> {
  const at = `${image}.mount`;
  mkdirSync(at, { recursive: true });
  run('mount', ['-o', `loop,${options}`, '-t', 'ext4', image, at]);
  try {
    return await act(at);
  } finally {
    run('umount', [at]);
  }
}

/** What `dumpe2fs -h` says, by the words before the colon. */
function header(image: string): Record<string, string> {
  const lines = run('dumpe2fs', ['-h', image]).split('\n');
  return Object.fromEntries(lines.map((line) => /^([^:]+):\s*(.*)$/.exec(line)?.slice(1) ?? [line, '']));
}

/** Small files, directories and links. */
async function someTree(
  store: (content: Uint8Array) => Promise<number>,
  files = 500,
): Promise<Record<string, Inode>> {
  const children: Record<string, Inode> = {};
  for (let i = 0; i < files; i++) {
    const bytes = bytesOf(1 + ((i * 7919) % 20_000), i, true);
    children[`file-${i}`] = file(bytes.length, await store(bytes), { mtimeNs: i });
  }
  return children;
}

function expectSomeTree(at: string, files = 500): void {
  for (let i = 0; i < files; i++) {
    const bytes = bytesOf(1 + ((i * 7919) % 20_000), i, true);
    expect(readFileSync(`${at}/file-${i}`).equals(bytes), `file-${i}`).toBe(true);
  }
}

describe.each([1024, 2048, 4096])(
  'blocks of %i bytes, read by the kernel, checked by e2fsck',
  (blockSize) => {
    const checks = sinkChecks({
      name: 'sink-ext4',
      factory: () => ext4Sink,
      options: { 'block-size': blockSize },
      capabilities: {
        xattrPrefixes: ['user.', 'trusted.', 'security.', 'system.posix_acl_'],
        xattrBytes: blockSize / 2,
        // The times that Linux shows of ext4 end here.
        timeRange: [-(2 ** 31), 2 ** 34 - 2 ** 31 - 1],
      },
      read: async (path): Promise<ReadTree> => {
        expectClean(path);
        return readOutput('ext4', path, work);
      },
    });
    // A link target must fit into a block; one of the odd ones is 3000 bytes long.
    const fitting = checks.filter(({ name }) => blockSize === 4096 || name !== 'keeps odd names');
    test.each(fitting.map(({ name, run }) => [name, run] as const))('%s', (_, check) => check());
  },
);

test('large directories: 200,000 names, 70,000 subdirectories', async () => {
  const image = join(work, 'names.ext4');
  // Bytes beyond ASCII count in the hash too, and not as signed numbers.
  const nameOf = (i: number): string =>
    `a name of some length, n\xfcmber ${i}${i % 3 === 0 ? '\x80\xff' : ''}`;
  const files = Array.from({ length: 200_000 }, (_, i): [string, Inode] => [
    nameOf(i),
    file(0, undefined, { uid: i % 1000 }),
  ]);
  const directories = Array.from({ length: 70_000 }, (_, i): [string, Inode] => [
    `d${i}`,
    directory({}, { uid: i % 999 }),
  ]);
  await build(image, {}, () =>
    directory({ f: directory(new Map(files)), d: directory(new Map(directories)) }),
  );
  expectClean(image);
  await mounted(image, (at) => {
    for (let i = 0; i < 200_000; i += 37)
      expect(statSync(Buffer.from(`${at}/f/${nameOf(i)}`, 'latin1')).uid).toBe(i % 1000);
    for (let i = 0; i < 70_000; i += 37) expect(statSync(`${at}/d/d${i}`).uid).toBe(i % 999);
    for (const name of ['a', nameOf(200_000), 'zzz'])
      expect(() => lstatSync(Buffer.from(`${at}/f/${name}`, 'latin1'))).toThrow('ENOENT');
    expect(readdirSync(`${at}/f`).length).toBe(200_000);
    expect(readdirSync(`${at}/d`).length).toBe(70_000);
    expect(statSync(`${at}/d`).nlink).toBe(1);
  });
  rmSync(image);
});

test('2,000 extents, 200 GiB of holes, 5 GiB in one file', async () => {
  const image = join(work, 'extents.ext4');
  const fragments: ContentChunk[] = [];
  for (let i = 0; i < 2000; i++) fragments.push(bytesOf(4 * K, i, true), { hole: 4 * K });
  const size = 200 * G;
  const data = bytesOf(10_000, 1, true);
  const far = [{ hole: 100 * G + 5 }, data, { hole: size - 100 * G - 5 - data.length }];
  // Blocks that differ and are not zeros; 5 GiB of them would take too long to write here.
  const long = [{ hole: 5 * G }, bytesOf(M, 9, true)];
  const { summary } = await build(image, {}, async (store) =>
    directory({
      fragments: file(2000 * 8 * K, await store(stream(fragments), 2000 * 8 * K)),
      sparse: file(size, await store(stream(far), size)),
      holes: file(size, await store(stream([{ hole: size }]), size)),
      long: file(5 * G + M, await store(stream(long), 5 * G + M)),
    }),
  );
  expect(summary.bytesWritten).toBeLessThan(12 * M);
  expectClean(image);
  await mounted(image, (at) => {
    expect(
      readFileSync(`${at}/fragments`).equals(
        Buffer.concat(
          fragments.map((chunk) => (chunk instanceof Uint8Array ? chunk : Buffer.alloc(chunk.hole))),
        ),
      ),
    ).toBe(true);
    const stat = statSync(`${at}/sparse`);
    expect([stat.size, stat.blocks]).toEqual([size, 24]);
    expect(statSync(`${at}/holes`)).toMatchObject({ size, blocks: 0 });
    const fd = openSync(`${at}/sparse`, 'r');
    const buffer = Buffer.alloc(20_000);
    readSync(fd, buffer, 0, 20_000, 100 * G - 5000);
    closeSync(fd);
    expect(buffer.equals(Buffer.concat([Buffer.alloc(5005), data, Buffer.alloc(4995)]))).toBe(true);
    expect(statSync(`${at}/long`).size).toBe(5 * G + M);
  });
  // Two levels below the inode, the lowest with one line for each extent.
  expect(run('debugfs', ['-R', 'ex /fragments', image]).match(/^ 2\/ 2 /gm)).toHaveLength(2000);
  rmSync(image);
});

describe.each([
  ['the default', {}],
  ['blocks of 1024 bytes', { blockSize: 1024 }],
  ['a journal', { journalSize: 8 * M }],
  ['a given size', { size: 100 * M }],
] as const)('%s', (_, options) => {
  test('resize2fs doubles it, makes it 4 GiB, and nothing is lost', async () => {
    const image = join(work, 'resize.ext4');
    const { summary } = await build(image, options, async (store) => directory(await someTree(store)));
    for (const size of [2 * summary.bytesWritten, 4 * G]) {
      truncateSync(image, size);
      run('resize2fs', [image]);
      expectClean(image);
    }
    expect(Number(header(image)['Block count']) * summary.blockSize).toBeGreaterThan(4 * G - 128 * M);
    await mounted(
      image,
      (at) => {
        expectSomeTree(at);
        writeFileSync(`${at}/new`, bytesOf(50 * M, 1));
      },
      'rw',
    );
    expectClean(image);
    await mounted(image, (at) => {
      expectSomeTree(at);
      expect(readFileSync(`${at}/new`).equals(bytesOf(50 * M, 1))).toBe(true);
    });
    rmSync(image);
  });

  test('mounted read-write: 10,000 files come, change names and go', async () => {
    const image = join(work, 'write.ext4');
    const free = 'size' in options ? {} : { free: { bytes: 60 * M } };
    await build(image, { ...options, ...free, inodes: 12_000 }, async (store) =>
      directory(await someTree(store)),
    );
    await mounted(
      image,
      (at) => {
        expectSomeTree(at);
        mkdirSync(`${at}/new`);
        for (let i = 0; i < 10_000; i++) writeFileSync(`${at}/new/${i}`, i % 10 === 0 ? `${i}` : '');
        for (let i = 0; i < 10_000; i += 2) renameSync(`${at}/new/${i}`, `${at}/new name of number ${i}`);
      },
      'rw',
    );
    expectClean(image);
    await mounted(
      image,
      (at) => {
        for (let i = 0; i < 10_000; i += 2) unlinkSync(`${at}/new name of number ${i}`);
        for (let i = 1; i < 10_000; i += 2) unlinkSync(`${at}/new/${i}`);
        for (let i = 0; i < 250; i++) unlinkSync(`${at}/file-${i}`);
        expect(readdirSync(`${at}/new`)).toEqual([]);
        expect(readdirSync(at).length).toBe(252);
      },
      'rw',
    );
    expectClean(image);
    rmSync(image);
  });
});

test('flags of the command are options of the sink, or of none', async () => {
  const [anyCase] = loadCases().filter(({ outcome }) => outcome.tree !== undefined);
  const image = join(work, 'flags.ext4');
  const flags = ['--size', '5M', '--label', 'root', '--uuid', '01234567-89ab-cdef-0123-456789abcdef'];
  await convertWithCli(anyCase!.image, 'ext4', image, flags);
  expectClean(image);
  expect(statSync(image).size).toBe(5 * M);
  expect(header(image)).toMatchObject({
    'Filesystem volume name': 'root',
    'Filesystem UUID': '01234567-89ab-cdef-0123-456789abcdef',
  });
  const other = ['convert', anyCase!.image, '-o', join(work, 'flags.tar'), '--size', '5M', '--json'];
  const { code, stdout } = await ocirender(other);
  expect([code, JSON.parse(stdout)]).toMatchObject([
    2,
    { error: { code: 'ERR_OCIRENDER_INVALID_OPTION', message: 'the sink tar has no option "size"' } },
  ]);
});

test('dumpe2fs shows what was asked for', async () => {
  const image = join(work, 'options.ext4');
  const uuid = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
  const options = {
    label: 'sixteen bytes ab',
    uuid,
    journalSize: 16 * M,
    size: 256 * M,
    inodes: 50_000,
    reserved: { percent: 5 },
  };
  const { summary } = await build(image, options, async (store) => directory(await someTree(store, 10)));
  expect(header(image)).toMatchObject({
    'Filesystem volume name': 'sixteen bytes ab',
    'Filesystem UUID': '01234567-89ab-cdef-0123-456789abcdef',
    'Inode count': '50016',
    'Block count': '65536',
    'Reserved block count': '3276',
    'Block size': '4096',
    'Filesystem state': 'clean',
    'Total journal size': '16M',
    'Journal features': '(none)',
  });
  expect(statSync(image).size).toBe(256 * M);
  expect(summary).toMatchObject({ inodes: 50_016, blocks: 65_536, bytesWritten: 256 * M });
  // The rest is not even on the disk.
  expect(statSync(image).blocks * 512).toBeLessThan(2 * M);
  expectClean(image);
  rmSync(image);
});

test('more groups than the descriptors after the superblock can tell of', async () => {
  const image = join(work, 'meta.ext4');
  const { summary } = await build(image, { blockSize: 1024, descriptorBlocks: 1 }, async (store) => {
    const children = await someTree(store);
    for (let i = 0; i < 20; i++) children[`large-${i}`] = file(10 * M, await store(bytesOf(10 * M, i, true)));
    return directory(children);
  });
  expect(summary.blocks).toBeGreaterThan(16 * 8192);
  expect(header(image)['Filesystem features']).toContain('meta_bg');
  expectClean(image);
  await mounted(image, (at) => {
    expectSomeTree(at);
    for (let i = 0; i < 20; i++)
      expect(readFileSync(`${at}/large-${i}`).equals(bytesOf(10 * M, i, true))).toBe(true);
  });
  truncateSync(image, G);
  run('resize2fs', [image]);
  expectClean(image);
  rmSync(image);
});

test('unneeded contents leave no gaps', async () => {
  const needed = join(work, 'needed.ext4');
  const wasteful = join(work, 'wasteful.ext4');
  const fill = (waste: number) => async (store: (content: Uint8Array) => Promise<number>) => {
    const children: Record<string, Inode> = {};
    for (let i = 0; i < 60; i++) {
      const bytes = bytesOf(1 + i * 50_000, i, true);
      if (waste > 0 && i % 7 === 3) await store(bytesOf(waste, i, true));
      children[`${i}`] = file(bytes.length, await store(bytes), { xattrs: NO_XATTRS });
    }
    if (waste > 0) await store(bytesOf(waste, 99, true));
    return directory(children);
  };
  const tight = await build(needed, {}, fill(0));
  const loose = await build(wasteful, {}, fill(3_000_000));
  expect(loose.summary.blocks - tight.summary.blocks).toBeLessThan(3);
  expectClean(wasteful);
  await mounted(wasteful, (at) => {
    for (let i = 0; i < 60; i++)
      expect(readFileSync(`${at}/${i}`).equals(bytesOf(1 + i * 50_000, i, true))).toBe(true);
  });
  rmSync(needed);
  rmSync(wasteful);
});

test('a full disk is an error of its own, not a hang', async () => {
  const at = join(work, 'full');
  mkdirSync(at);
  run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at]);
  try {
    const full = build(join(at, 'image'), {}, async (store) => {
      for (let i = 0; i < 100; i++) await store(bytesOf(1_000_000, i, true));
      return directory({});
    });
    await expect(full).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO', cause: { code: 'ENOSPC' } });
  } finally {
    run('umount', [at]);
  }
});
