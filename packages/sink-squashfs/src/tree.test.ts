import type { DirectoryInode, Inode, Xattrs } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPRESSIONS } from './compression.ts';
import { FLAG } from './format.ts';
import { build, bytesOf, directory, file, PLAIN, withPath } from './testing/build.ts';
import { type ReadInode, readImage } from './testing/read-image.ts';

const xattrs = (set: Record<string, string>): Xattrs =>
  new Map(Object.entries(set).map(([name, value]) => [name, Buffer.from(value, 'latin1')]));

const TYPES = ['', 'directory', 'file', 'symlink', 'block-device', 'character-device', 'fifo', 'socket'];

describe('inodes', () => {
  it.each([false, true])('of all kinds, attributes: %s', (withXattrs) =>
    withPath(async (path) => {
      const set = withXattrs ? { 'user.a': 'x\0y', 'security.capability': '\x01\xff', 'trusted.t': '' } : {};
      const metadata = {
        mode: 0o7751,
        uid: 4_294_967_295,
        gid: 70_000,
        mtime: 4_294_967_295,
        xattrs: xattrs(set),
      };
      const expected = {
        mode: 0o7751,
        uid: 4_294_967_295,
        gid: 70_000,
        mtime: 4_294_967_295,
        xattrs: set,
        extended: withXattrs,
        nlink: 1,
      };
      await build(path, {}, async (store) => {
        const content = await store(bytesOf(5000, 1));
        return directory({
          file: file(5000, content, metadata),
          empty: file(0, undefined, metadata),
          link: { ...PLAIN, ...metadata, type: 'symlink', target: '../\xff\x01 target' },
          char: { ...PLAIN, ...metadata, type: 'character-device', devMajor: 0xfff, devMinor: 0xfffff },
          block: { ...PLAIN, ...metadata, type: 'block-device', devMajor: 8, devMinor: 257 },
          fifo: { ...PLAIN, ...metadata, type: 'fifo' },
          socket: { ...PLAIN, ...metadata, type: 'socket' },
          dir: directory({}, metadata),
        });
      });
      const { root, super: sb } = await readImage(path);
      const at = (name: string) => root.children?.get(name);
      expect(at('file')).toMatchObject({ ...expected, type: 2, content: bytesOf(5000, 1) });
      expect(at('empty')).toMatchObject({ ...expected, type: 2, size: 0 });
      expect(at('link')).toMatchObject({ ...expected, type: 3, target: '../\xff\x01 target' });
      expect(at('char')).toMatchObject({ ...expected, type: 5, device: 0xffffffff });
      expect(at('block')).toMatchObject({ ...expected, type: 4, device: 0x1_00801 });
      expect(at('fifo')).toMatchObject({ ...expected, type: 6 });
      expect(at('socket')).toMatchObject({ ...expected, type: 7 });
      expect(at('dir')).toMatchObject({ ...expected, type: 1, nlink: 2 });
      expect(root.nlink).toBe(3);
      expect((sb.flags & FLAG.noXattrs) === 0).toBe(withXattrs);
    }),
  );

  it('with several names are one inode', () =>
    withPath(async (path) => {
      await build(path, {}, async (store) => {
        const shared = file(10, await store(bytesOf(10, 1)));
        const link: Inode = { ...PLAIN, type: 'symlink', target: 't' };
        return directory({
          a: directory({ z: shared, l: link }),
          b: shared,
          c: shared,
          d: link,
          e: { ...PLAIN, type: 'fifo' },
        });
      });
      const { root, super: sb } = await readImage(path);
      const b = root.children?.get('b');
      expect(b).toBe(root.children?.get('a')?.children?.get('z'));
      expect(b).toBe(root.children?.get('c'));
      expect(b).toMatchObject({ nlink: 3, extended: true, content: bytesOf(10, 1) });
      expect(root.children?.get('d')).toMatchObject({ nlink: 2, extended: false });
      expect(root.children?.get('d')).toBe(root.children?.get('a')?.children?.get('l'));
      expect(sb.inodeCount).toBe(5);
    }));

  it('share equal attribute sets, and report what is dropped', () =>
    withPath(async (path) => {
      const many = xattrs({ 'user.b': '2', 'user.a': '1' });
      const acl = xattrs({ 'system.posix_acl_access': 'acl', 'user.a': '1' });
      const { diagnostics } = await build(path, {}, () =>
        directory({
          a: file(0, undefined, { xattrs: many }),
          b: file(0, undefined, { xattrs: xattrs({ 'user.a': '1', 'user.b': '2' }) }),
          c: file(0, undefined, { xattrs: acl }),
          d: directory({ e: file(0, undefined, { xattrs: acl }) }),
          f: file(0, undefined, { xattrs: xattrs({ 'other.x': '' }) }),
          // The longest value that Linux shows, and one that it does not.
          g: file(0, undefined, {
            xattrs: xattrs({ 'user.a': 'v'.repeat(65_536), 'user.b': 'v'.repeat(65_537) }),
          }),
        }),
      );
      const { root } = await readImage(path);
      const at = (name: string) => root.children?.get(name);
      expect(at('a')?.xattrs).toEqual({ 'user.a': '1', 'user.b': '2' });
      expect(at('a')?.xattrs).toBe(at('b')?.xattrs);
      expect(at('c')?.xattrs).toEqual({ 'user.a': '1' });
      expect(at('f')).toMatchObject({ xattrs: {}, extended: false });
      expect(at('g')?.xattrs).toEqual({ 'user.a': 'v'.repeat(65_536) });
      expect(diagnostics.map(({ code, path: where }) => [code, where])).toEqual([
        ['xattr-dropped', 'd/e'],
        ['xattr-dropped', 'c'],
        ['xattr-dropped', 'f'],
        ['xattr-dropped', 'g'],
      ]);
    }));

  it('have their times clamped, with a word, and cut to seconds', () =>
    withPath(async (path) => {
      const { diagnostics, summary } = await build(path, {}, () =>
        directory({
          past: file(0, undefined, { mtime: -1, mtimeNs: 5 }),
          future: file(0, undefined, { mtime: 2 ** 32 }),
          exact: file(0, undefined, { mtime: 2 ** 32 - 1, mtimeNs: 999_999_999 }),
        }),
      );
      const { root } = await readImage(path);
      expect(['past', 'future', 'exact'].map((name) => root.children?.get(name)?.mtime)).toEqual([
        0,
        2 ** 32 - 1,
        2 ** 32 - 1,
      ]);
      expect(diagnostics.map(({ code, path: where }) => [code, where])).toEqual([
        ['time-clamped', 'future'],
        ['time-clamped', 'past'],
      ]);
      expect(summary.timesTruncated).toBe(2);
    }));
});

describe('directories', () => {
  it('with 20,000 names have an index that leads to each block', () =>
    withPath(async (path) => {
      const children = new Map<string, Inode>();
      for (let i = 0; i < 20_000; i++) children.set(`name-${(i * 7919) % 20_000}`, file(0, undefined));
      await build(path, {}, () =>
        directory({ big: directory(children), small: directory({ x: file(0, undefined) }) }),
      );
      const { root } = await readImage(path);
      const big = root.children?.get('big');
      expect([...(big?.children?.keys() ?? [])]).toEqual([...children.keys()].sort());
      expect(big?.extended).toBe(true);
      expect(big?.index?.length).toBeGreaterThan(30);
      expect(root.children?.get('small')?.extended).toBe(false);
    }));

  it('30,000 levels deep, and hard links as many names apart', () =>
    withPath(async (path) => {
      let deep = directory({ bottom: file(0, undefined) });
      for (let i = 0; i < 30_000; i++) deep = directory({ d: deep });
      const shared = file(0, undefined);
      const wide = new Map<string, Inode>([['0', shared]]);
      for (let i = 0; i < 40_000; i++) wide.set(`f${i}`, i % 1000 === 999 ? shared : file(0, undefined));
      await build(path, {}, () => directory({ a: deep, wide: directory(wide), z: shared }));
      const { root } = await readImage(path);
      let at = root.children?.get('a') as ReadInode;
      let depth = 0;
      for (let next = at.children?.get('d'); next !== undefined; next = at.children?.get('d')) {
        at = next;
        depth++;
      }
      expect(depth).toBe(30_000);
      expect(at.children?.has('bottom')).toBe(true);
      expect(root.children?.get('z')?.nlink).toBe(42);
    }));

  it('hold names of every byte and length', () =>
    withPath(async (path) => {
      const names = [
        ...Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)),
        'x'.repeat(256),
        '\xff'.repeat(255),
      ];
      const usable = names.filter((name) => name !== '/' && name !== '.');
      await build(path, {}, () => directory(new Map(usable.map((name) => [name, file(0, undefined)]))));
      const { root } = await readImage(path);
      expect([...(root.children?.keys() ?? [])]).toEqual([...usable].sort());
    }));
});

describe('what squashfs cannot hold', () => {
  const code = (what: string) => `ERR_OCIRENDER_SINK_SQUASHFS_${what}`;
  const cases: [string, string, () => DirectoryInode][] = [
    ['a long name', code('NAME_LENGTH'), () => directory({ ['n'.repeat(257)]: file(0, undefined) })],
    [
      'a long target',
      code('SYMLINK_LENGTH'),
      () => directory({ l: { ...PLAIN, type: 'symlink', target: 't'.repeat(4097) } }),
    ],
    [
      'a major number',
      code('DEVICE_NUMBER'),
      () => directory({ c: { ...PLAIN, type: 'character-device', devMajor: 4096, devMinor: 0 } }),
    ],
    [
      'a minor number',
      code('DEVICE_NUMBER'),
      () => directory({ c: { ...PLAIN, type: 'block-device', devMajor: 0, devMinor: 2 ** 20 } }),
    ],
    [
      '65,536 ids',
      code('TOO_MANY_IDS'),
      () =>
        directory(
          new Map(
            Array.from({ length: 32_768 }, (_, i) => [
              `f${i}`,
              file(0, undefined, { uid: i, gid: i + 40_000 }),
            ]),
          ),
        ),
    ],
  ];
  it.each(cases)('%s', (_, expected, root) =>
    withPath(async (path) => {
      await expect(build(path, {}, root)).rejects.toMatchObject({ code: expected });
    }),
  );

  it('but 65,535 ids it can', () =>
    withPath(async (path) => {
      const children = Array.from({ length: 65_534 }, (_, i): [string, Inode] => [
        `f${i}`,
        file(0, undefined, { uid: i + 1, gid: i + 1 }),
      ]);
      await build(path, {}, () => directory(new Map(children)));
      const { root, super: sb } = await readImage(path);
      expect(sb.idCount).toBe(65_535);
      expect(root.children?.get('f65533')).toMatchObject({ uid: 65_534, gid: 65_534 });
    }));
});

describe('any tree', () => {
  interface Spec {
    readonly kind: number;
    readonly name: string;
    readonly mode: number;
    readonly id: number;
    readonly size: number;
    readonly attribute: string | null;
    readonly children: readonly Spec[];
  }
  const name = fc
    .array(
      fc.integer({ min: 1, max: 255 }).filter((code) => code !== 47),
      { minLength: 1, maxLength: 12 },
    )
    .map((codes) => String.fromCharCode(...codes));
  const { tree: node } = fc.letrec<{ tree: Spec }>((tie) => ({
    tree: fc.record({
      kind: fc.integer({ min: 1, max: 7 }),
      name,
      mode: fc.integer({ min: 0, max: 0o7777 }),
      id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      size: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 20_000 })),
      attribute: fc.option(fc.string({ unit: 'binary-ascii', maxLength: 20 })),
      children: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('tree'), { maxLength: 6 })),
    }),
  }));

  it('reads back as it was put in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(node, { maxLength: 8 }),
        fc.constantFrom(...COMPRESSIONS),
        async (specs, compression) =>
          withPath(async (path) => {
            await build(path, { compression, blockSize: 4096 }, async (store) => {
              const make = async (spec: Spec): Promise<Inode> => {
                const set = spec.attribute === null ? {} : { 'user.v': spec.attribute };
                const metadata = {
                  ...PLAIN,
                  mode: spec.mode,
                  uid: spec.id,
                  gid: spec.id,
                  xattrs: xattrs(set),
                };
                switch (TYPES[spec.kind]) {
                  case 'directory': {
                    const children = new Map<string, Inode>();
                    for (const child of spec.children) children.set(child.name, await make(child));
                    return directory(children, metadata);
                  }
                  case 'file':
                    return file(
                      spec.size,
                      spec.size === 0 ? undefined : await store(bytesOf(spec.size, spec.mode)),
                      metadata,
                    );
                  case 'symlink':
                    return { ...metadata, type: 'symlink', target: spec.name };
                  case 'block-device':
                  case 'character-device':
                    return {
                      ...metadata,
                      type: TYPES[spec.kind] as 'block-device',
                      devMajor: spec.mode & 0xfff,
                      devMinor: spec.size,
                    };
                  default:
                    return { ...metadata, type: TYPES[spec.kind] as 'fifo' };
                }
              };
              const children = new Map<string, Inode>();
              for (const spec of specs) children.set(spec.name, await make(spec));
              return directory(children);
            });
            const compare = (read: ReadInode, wanted: readonly Spec[]): void => {
              const byName = new Map(wanted.map((spec) => [spec.name, spec]));
              expect([...(read.children?.keys() ?? [])]).toEqual([...byName.keys()].sort());
              expect(read.nlink).toBe(2 + [...byName.values()].filter(({ kind }) => kind === 1).length);
              for (const [key, spec] of byName) {
                const inode = read.children?.get(key) as ReadInode;
                const set = spec.attribute === null ? {} : { 'user.v': spec.attribute };
                expect(inode).toMatchObject({
                  type: spec.kind,
                  mode: spec.mode,
                  uid: spec.id,
                  gid: spec.id,
                  xattrs: set,
                });
                if (spec.kind === 1) compare(inode, spec.children);
                if (spec.kind === 2) expect(inode.content?.equals(bytesOf(spec.size, spec.mode))).toBe(true);
                if (spec.kind === 3) expect(inode.target).toBe(spec.name);
              }
            };
            compare((await readImage(path)).root, specs);
          }),
      ),
      { numRuns: 40 },
    );
  });
});
