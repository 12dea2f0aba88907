import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Entry, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import { readTar } from '@ocirender/tar-header';
import { describe, expect, it } from 'vitest';
import { collect, temporaryDirectory } from '../test/archive-fixture.ts';
import { openOverlay2 } from './open-overlay2.ts';
import { readOverlay2Chain } from './overlay2-chain.ts';
import { walkDiff, type XattrReader } from './overlay2-diff.ts';
import { tarOfEntries } from './overlay2-stream.ts';

/** Attributes that the test makes up, by path below the root; real ones need a file system that has them. */
function xattrsOf(
  root: string,
  given: Readonly<Record<string, Readonly<Record<string, string>>>>,
): XattrReader {
  return (path) => {
    const own = given[path === root ? '' : path.slice(root.length + 1)];
    if (own === undefined) return NO_XATTRS;
    return new Map(Object.entries(own).map(([name, value]) => [name, Buffer.from(value)])) as Xattrs;
  };
}

/** A directory of the storage with layers of these ids, oldest first. */
function storage(ids: readonly string[]): { root: string; layer: (id: string) => string } {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'l'));
  for (const [n, id] of ids.entries()) {
    const short = id.toUpperCase();
    mkdirSync(join(root, id, 'diff'), { recursive: true });
    writeFileSync(join(root, id, 'link'), short);
    symlinkSync(`../${id}/diff`, join(root, 'l', short));
    const lower = ids.slice(0, n).reverse();
    if (n > 0)
      writeFileSync(join(root, id, 'lower'), lower.map((name) => `l/${name.toUpperCase()}`).join(':'));
  }
  return { root, layer: (id) => join(root, id) };
}

function entriesOf(root: string, given: Parameters<typeof xattrsOf>[1] = {}): Entry[] {
  return [...walkDiff(root, xattrsOf(root, given))].map(({ entry }) => entry);
}

describe('the chain of layers', () => {
  it('is oldest first', async () => {
    const { layer } = storage(['aa', 'bb', 'cc']);
    expect((await readOverlay2Chain(layer('cc'))).map(({ id }) => id)).toEqual(['aa', 'bb', 'cc']);
    expect((await readOverlay2Chain(layer('aa'))).map(({ id }) => id)).toEqual(['aa']);
  });

  it.each([
    ['no link', 'l/../../etc', 'INVALID_IMAGE'],
    ['absolute', '/etc', 'INVALID_IMAGE'],
    ['missing', 'l/ZZ', 'NOT_FOUND'],
    ['out of the storage', 'l/OUT', 'PATH_ESCAPE'],
    ['to no layer', 'l/ODD', 'PATH_ESCAPE'],
  ])('%s', async (_name, lower, code) => {
    const { root, layer } = storage(['aa', 'bb']);
    symlinkSync(temporaryDirectory(), join(root, 'l/OUT'));
    symlinkSync('.', join(root, 'l/ODD'));
    writeFileSync(join(layer('bb'), 'lower'), lower);
    await expect(readOverlay2Chain(layer('bb'))).rejects.toMatchObject({ code: `ERR_OCIRENDER_${code}` });
  });

  it.each([
    ['is missing', '/nowhere/at/all', 'NOT_FOUND'],
    ['is a file', import.meta.filename, 'NOT_FOUND'],
    ['has no diff', temporaryDirectory(), 'NOT_FOUND'],
  ])('the directory %s', async (_name, directory, code) => {
    await expect(readOverlay2Chain(directory)).rejects.toMatchObject({ code: `ERR_OCIRENDER_${code}` });
  });
});

describe('a layer', () => {
  it('has every kind of entry, parents first, names in bytewise order', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir/file'), 'content');
    linkSync(join(root, 'dir/file'), join(root, 'dir/link'));
    symlinkSync('dir/file', join(root, 'symlink'));
    writeFileSync(join(root, 'B'), '');
    utimesSync(join(root, 'B'), new Date(0), new Date(-1500));
    chmodSync(join(root, 'B'), 0o4755);
    expect(entriesOf(root).map(({ path, type, size, linkTarget }) => [path, type, size, linkTarget])).toEqual(
      [
        ['.', 'directory', 0, ''],
        ['B', 'file', 0, ''],
        ['dir', 'directory', 0, ''],
        ['dir/file', 'file', 7, ''],
        ['dir/link', 'hardlink', 0, 'dir/file'],
        ['symlink', 'symlink', 0, 'dir/file'],
      ],
    );
    expect(entriesOf(root)[1]).toMatchObject({ mtime: -2, mtimeNs: 500_000_000, mode: 0o4755 });
  });

  it('names are bytes', () => {
    const root = temporaryDirectory();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]), 'x');
    expect(entriesOf(root)[1]).toMatchObject({ path: '\xffA', size: 1 });
  });

  it.each(['trusted', 'user'])('%s.overlay.opaque is an opaque marker; other attributes stay', (space) => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir/x'), '');
    const entries = entriesOf(root, {
      '': { [`${space}.overlay.opaque`]: 'y' },
      dir: { [`${space}.overlay.opaque`]: 'y', [`${space}.overlay.origin`]: 'o', 'user.mine': '1' },
    });
    expect(entries.map(({ path }) => path)).toEqual([
      '.',
      '.wh..wh..opq',
      'dir',
      'dir/.wh..wh..opq',
      'dir/x',
    ]);
    expect([...entries[2]!.xattrs.keys()]).toEqual(['user.mine']);
  });

  it('an empty file with the attribute of a whiteout is one', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir/gone'), '');
    const entries = entriesOf(root, {
      dir: { 'trusted.overlay.opaque': 'x' },
      'dir/gone': { 'trusted.overlay.whiteout': '' },
    });
    expect(entries.map(({ path }) => path)).toEqual(['.', 'dir', 'dir/.wh.gone']);
  });

  it.each(['redirect', 'metacopy'])('%s is refused', (name) => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'x'), '');
    expect(() => entriesOf(root, { x: { [`trusted.overlay.${name}`]: '/old' } })).toThrowError(
      expect.objectContaining({
        code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
        message: expect.stringContaining('"x"') as string,
      }) as Error,
    );
  });

  it('a name that means a deletion is refused', () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, '.wh.x'), '');
    expect(() => entriesOf(root)).toThrowError(
      expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_WHITEOUT' }) as Error,
    );
  });
});

describe('as a tar', () => {
  it('contents of every size', async () => {
    const root = temporaryDirectory();
    const sizes = [0, 1, 511, 512, 513, 200_000, 262_144, 262_145, 523_776, 524_288, 600_000, 1_500_001];
    for (const size of sizes)
      writeFileSync(join(root, `f${String(size).padStart(8, '0')}`), 'x'.repeat(size));
    const found: [number, number][] = [];
    const tar = tarOfEntries(
      walkDiff(root, () => NO_XATTRS),
      undefined,
    );
    for await (const { entry, content } of readTar(tar)) {
      if (entry.type !== 'file') continue;
      let bytes = 0;
      for await (const chunk of content) bytes += (chunk as Uint8Array).length;
      found.push([entry.size, bytes]);
    }
    expect(found).toEqual(sizes.map((size) => [size, size]));
  });

  it('a file that has changed since is an error', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'x'), 'content');
    const entries = [...walkDiff(root, () => NO_XATTRS)];
    writeFileSync(join(root, 'x'), 'longer content');
    await expect(collect(tarOfEntries(entries, undefined))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
    });
  });
});

it('openOverlay2 gives layers with names that stay, readable again', async () => {
  const { layer } = storage(['aa', 'bb']);
  writeFileSync(join(layer('aa'), 'diff/x'), 'old');
  writeFileSync(join(layer('bb'), 'diff/x'), readFileSync(import.meta.filename));
  const image = await openOverlay2(layer('bb'));
  expect(image.layers.map(({ digest }) => digest)).toEqual(['overlay2:aa', 'overlay2:bb']);
  const first = await collect(image.layers[1]!.open());
  expect(await collect(image.layers[1]!.open())).toBe(first);
  expect(first).toContain('openOverlay2 gives layers');
});

it('sockets come through, for who asks for them', async () => {
  const { layer } = storage(['aa']);
  const path = join(layer('aa'), 'diff/talk');
  const server = createServer().listen(path);
  await once(server, 'listening');
  linkSync(path, join(layer('aa'), 'diff/too'));
  const image = await openOverlay2(layer('aa'));
  const read = async (sockets: boolean): Promise<[string, string][]> => {
    const entries: [string, string][] = [];
    for await (const { entry } of readTar(image.layers[0]!.open(), { sockets }))
      entries.push([entry.path, entry.type]);
    return entries;
  };
  expect(image.layers[0]!.marksSockets).toBe(true);
  expect(await read(true)).toEqual([
    ['.', 'directory'],
    ['talk', 'socket'],
    ['too', 'hardlink'],
  ]);
  // A layer of a registry that has the mark is what every other reader makes of it.
  expect(await read(false)).toContainEqual(['talk', 'fifo']);
  server.close();
});
