import { execFileSync, spawnSync } from 'node:child_process';
import type { Stats } from 'node:fs';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Content, type DirectoryInode, type Inode, walkTree } from '../packages/interface/src/index.ts';
import {
  build,
  bytesOf,
  directory,
  file,
  PLAIN,
  stream,
} from '../packages/sink-squashfs/src/testing/build.ts';
import type { SquashfsWriterOptions } from '../packages/sink-squashfs/src/writer.ts';
import { due } from './support/sample.ts';

const K = 1024;
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'ocirender-e2e-squashfs-'));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(tool: string, args: readonly string[]): string {
  return execFileSync(tool, args, {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What sqfsdiff says of two images, but for the choice between basic and extended inodes. */
function differences(old: string, image: string): string {
  const result = spawnSync('sqfsdiff', ['--old', old, '--new', image, '--timestamps'], {
    encoding: 'latin1',
  });
  if (result.status !== 0 && result.status !== 1) return `sqfsdiff failed: ${result.stderr}`;
  return result.stdout.replace(/^.* has an? (basic|extended) type\n/gm, '');
}

async function mounted<T>(image: string, act: (at: string) => T | Promise<T>): Promise<T> {
  const at = `${image}.mount`;
  mkdirSync(at, { recursive: true });
  run('mount', ['-o', 'loop,ro', '-t', 'squashfs', image, at]);
  try {
    return await act(at);
  } finally {
    run('umount', [at]);
  }
}

function xattrsOf(path: string): Record<string, string> {
  const program =
    'import os,sys,json; p=sys.argv[1]; ' +
    'print(json.dumps({n: os.getxattr(p,n,follow_symlinks=False).decode("latin1") for n in os.listxattr(p,follow_symlinks=False)}))';
  return JSON.parse(run('python3', ['-c', program, path])) as Record<string, string>;
}

const attributes = (set: Record<string, string>) =>
  new Map(Object.entries(set).map(([k, v]) => [k, Buffer.from(v, 'latin1')]));

/** A tree with everything in it, and the contents of its files. */
async function everything(
  store: (content: Content, size?: number) => Promise<number>,
  contents: Map<Inode, Buffer>,
): Promise<DirectoryInode> {
  const make = async (content: Buffer, metadata = {}) => {
    const inode = file(content.length, await store(content), metadata);
    contents.set(inode, content);
    return inode;
  };
  const files: Record<string, Inode> = {};
  for (const size of [1, 4095, 4096, 4097, 131_072, 131_073, 1_048_576, 2_500_000]) {
    files[`text-${size}`] = await make(bytesOf(size, size));
    files[`noise-${size}`] = await make(bytesOf(size, size, true));
    files[`zero-${size}`] = await make(Buffer.alloc(size));
  }
  for (let i = 0; i < 300; i++) files[`small-${i}`] = await make(bytesOf(1 + ((i * 7919) % 9000), i));
  const shared = await make(bytesOf(200_000, 9), { mode: 0o4755 });
  const set = {
    'user.text': 'hello',
    'security.capability': '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0',
    'trusted.\xe9': 'x\0y',
  };
  const metadata = { ...PLAIN, mode: 0o640, uid: 1000, gid: 4_000_000_000, mtime: 4_294_967_295 };
  return directory(
    {
      files: directory(files, { mode: 0o1777 }),
      links: directory({
        a: shared,
        b: shared,
        up: { ...PLAIN, mode: 0o777, type: 'symlink', target: '../files/text-1' },
      }),
      shared,
      empty: file(0, undefined, { mtime: 0 }),
      'n\xe9 \xff\n': file(0, undefined),
      ['x'.repeat(255)]: file(0, undefined),
      dangling: {
        ...PLAIN,
        mode: 0o777,
        type: 'symlink',
        target: `/${'t'.repeat(4094)}`,
        xattrs: attributes({ 'trusted.l': '1' }),
      },
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
      attributes: await make(bytesOf(10, 77), { ...metadata, xattrs: attributes(set) }),
      'attributes-dir': directory({ inner: directory({}) }, { xattrs: attributes(set) }),
      deep: directory({
        d: directory({ d: directory({ d: directory({ f: await make(bytesOf(50, 3)) }) }) }),
      }),
    },
    { mode: 0o700, uid: 5, gid: 6, mtime: 123_456_789 },
  );
}

const KIND: Record<Inode['type'], keyof ReturnType<typeof kinds>> = {
  directory: 'directory',
  file: 'file',
  symlink: 'symlink',
  'character-device': 'character',
  'block-device': 'block',
  fifo: 'fifo',
  socket: 'socket',
};

function kinds(stat: Stats) {
  return {
    directory: stat.isDirectory(),
    file: stat.isFile(),
    symlink: stat.isSymbolicLink(),
    character: stat.isCharacterDevice(),
    block: stat.isBlockDevice(),
    fifo: stat.isFIFO(),
    socket: stat.isSocket(),
  };
}

/** Compares a directory on this machine with a tree: names, metadata, links, contents. */
function expectTree(at: string, root: DirectoryInode, contents: Map<Inode, Buffer>): void {
  const numbers = new Map<Inode, number>();
  const names = new Map<Inode, number>();
  for (const { inode } of walkTree({ root })) names.set(inode, (names.get(inode) ?? 0) + 1);
  for (const { path, inode } of walkTree({ root })) {
    const where = Buffer.from(path === '' ? at : `${at}/${path}`, 'latin1');
    const stat = lstatSync(where);
    expect(kinds(stat)[KIND[inode.type]], path).toBe(true);
    expect(
      { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime: stat.mtimeMs / 1000 },
      path,
    ).toEqual({
      mode: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      mtime: inode.mtime,
    });
    if (inode.type === 'directory') {
      const listed = readdirSync(where, { encoding: 'latin1' }).sort();
      expect(listed, path).toEqual([...inode.children.keys()].sort());
      expect(stat.nlink, path).toBe(
        2 + [...inode.children.values()].filter(({ type }) => type === 'directory').length,
      );
    } else {
      expect(stat.nlink, path).toBe(names.get(inode));
      expect(numbers.get(inode) ?? stat.ino, path).toBe(stat.ino);
      numbers.set(inode, stat.ino);
    }
    if (inode.type === 'symlink') expect(readlinkSync(where, 'latin1')).toBe(inode.target);
    if (inode.type === 'character-device' || inode.type === 'block-device') {
      const { devMajor: major, devMinor: minor } = inode;
      expect(stat.rdev).toBe(((minor & 0xff) | (major << 8) | ((minor & 0xf_ff00) << 12)) >>> 0);
    }
    if (inode.type === 'file') {
      expect(stat.size).toBe(inode.size);
      const wanted = contents.get(inode);
      if (wanted !== undefined) expect(readFileSync(where).equals(wanted), path).toBe(true);
    }
  }
}

/** Each compression in the words of mksquashfs. */
const MKSQUASHFS = {
  zstd: ['-comp', 'zstd'],
  gzip: ['-comp', 'gzip'],
  xz: ['-comp', 'xz'],
  lz4: ['-comp', 'lz4'],
  lz4hc: ['-comp', 'lz4', '-Xhc'],
  none: ['-noI', '-noD', '-noF', '-noX'],
};

describe.each(['zstd', 'gzip', 'xz', 'lz4', 'lz4hc', 'none'] as const)('%s', (compression) => {
  const variants: [number, SquashfsWriterOptions][] = [
    [4 * K, {}],
    [128 * K, { tailPacking: true }],
    [128 * K, { fragments: false, exports: false }],
    [1024 * K, {}],
  ];
  // These take ten times as long as the others.
  const isSlow = compression === 'xz' || compression === 'lz4hc';
  test.each<[number, SquashfsWriterOptions]>([[128 * K, {}], ...due(variants, isSlow ? 4 : 1)])(
    'blocks of %i bytes, %j',
    async (blockSize, options) => {
      const image = join(work, `${compression}-${blockSize}-${Object.keys(options).join('-')}.squashfs`);
      const contents = new Map<Inode, Buffer>();
      let root: DirectoryInode | undefined;
      const { diagnostics } = await build(
        image,
        { compression, blockSize, threads: 2, ...options },
        async (store) => {
          root = await everything(store, contents);
          return root;
        },
      );
      expect(diagnostics).toEqual([]);
      const tree = root as DirectoryInode;

      await mounted(image, (at) => {
        expectTree(at, tree, contents);
        for (const path of ['attributes', 'attributes-dir', 'disk', 'socket', 'dangling', 'shared']) {
          const inode = tree.children.get(path) as Inode;
          const wanted = Object.fromEntries(
            [...inode.xattrs].map(([k, v]) => [
              Buffer.from(k, 'latin1').toString(),
              Buffer.from(v).toString('latin1'),
            ]),
          );
          const read = xattrsOf(join(at, path));
          const found = Object.fromEntries(
            Object.entries(read).map(([k, v]) => [k.replace('\udce9', '\ufffd'), v]),
          );
          expect(found, path).toEqual(wanted);
        }
      });

      const stat = run('unsquashfs', ['-stat', image]);
      expect(stat).toContain(`Block size ${blockSize}`);
      expect(stat).toContain(
        `Compression ${{ none: 'gzip', lz4hc: 'lz4' }[compression as string] ?? compression}`,
      );
      const listed = run('unsquashfs', ['-ls', image]).trim().split('\n');
      expect(listed.length).toBeGreaterThan(320);
      const out = `${image}.out`;
      run('unsquashfs', ['-no-progress', '-xattrs', '-d', out, image]);
      expectTree(out, tree, contents);
      expect(xattrsOf(join(out, 'attributes'))['user.text']).toBe('hello');

      expect(run('rdsquashfs', ['--describe', image])).toContain(
        'nod big 0640 1000 4000000000 c 4095 1048575',
      );
      const packed = `${image}.packed`;
      const extra = MKSQUASHFS[compression];
      run('mksquashfs', [
        out,
        packed,
        ...extra,
        '-b',
        String(blockSize),
        '-noappend',
        '-no-progress',
        '-quiet',
      ]);
      expect(differences(packed, image)).toBe('');
      for (const path of [image, packed, out]) rmSync(path, { recursive: true, force: true });
    },
  );
});

test('a directory of 100,000 names is looked up and listed by the kernel', async () => {
  const image = join(work, 'names.squashfs');
  const children = new Map<string, Inode>();
  for (let i = 0; i < 100_000; i++)
    children.set(`a name of some length, number ${i}`, file(0, undefined, { uid: i % 1000 }));
  await build(image, {}, () => directory({ big: directory(children) }));
  await mounted(image, (at) => {
    for (let i = 0; i < 100_000; i += 37)
      expect(statSync(`${at}/big/a name of some length, number ${i}`).uid).toBe(i % 1000);
    for (const name of ['', ' a', 'zzz', 'a name of some length, number 100000', 'a name']) {
      if (name !== '') expect(existsSync(`${at}/big/${name}`), name).toBe(false);
    }
    expect(readdirSync(`${at}/big`).sort()).toEqual([...children.keys()].sort());
  });
  expect(run('unsquashfs', ['-ls', image]).trim().split('\n')).toHaveLength(100_002);
});

test('65,535 ids', async () => {
  const image = join(work, 'ids.squashfs');
  const children = Array.from({ length: 65_534 }, (_, i): [string, Inode] => [
    `f${i}`,
    file(0, undefined, { uid: i + 70_000, gid: i + 70_000 }),
  ]);
  await build(image, {}, () => directory(new Map(children)));
  await mounted(image, (at) => {
    for (let i = 0; i < 65_534; i += 97)
      expect(lstatSync(`${at}/f${i}`)).toMatchObject({ uid: i + 70_000, gid: i + 70_000 });
    expect(lstatSync(`${at}/f65533`).gid).toBe(135_533);
  });
});

test('a 200 GiB file with holes', async () => {
  const image = join(work, 'holes.squashfs');
  const size = 200 * 2 ** 30;
  const data = bytesOf(10_000, 1);
  await build(image, {}, async (store) => {
    const chunks = [{ hole: 100 * 2 ** 30 + 5 }, data, { hole: size - 100 * 2 ** 30 - 5 - data.length }];
    return directory({
      sparse: file(size, await store(stream(chunks), size)),
      holes: file(size, await store(stream([{ hole: size }]), size)),
    });
  });
  await mounted(image, (at) => {
    const stat = statSync(`${at}/sparse`);
    expect([stat.size, stat.blocks]).toEqual([size, 256]);
    expect(statSync(`${at}/holes`)).toMatchObject({ size, blocks: 1 });
    const fd = openSync(`${at}/sparse`, 'r');
    const buffer = Buffer.alloc(20_000);
    readSync(fd, buffer, 0, 20_000, 100 * 2 ** 30 - 5000);
    closeSync(fd);
    expect(buffer.equals(Buffer.concat([Buffer.alloc(5005), data, Buffer.alloc(4995)]))).toBe(true);
  });
  expect(statSync(image).size).toBeLessThan(100_000);
});

test('a full disk is an error of its own, not a hang', async () => {
  const at = join(work, 'full');
  mkdirSync(at);
  run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at]);
  try {
    const full = build(join(at, 'image'), { threads: 2 }, async (store) => {
      for (let i = 0; i < 100; i++) await store(bytesOf(1_000_000, i, true));
      return directory({});
    });
    await expect(full).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO', cause: { code: 'ENOSPC' } });
  } finally {
    run('umount', [at]);
  }
});
