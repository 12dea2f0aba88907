import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import {
  type ByteString,
  type ContentChunk,
  expandHoles,
  type ImageNode,
  type ImageReader,
  type Inode,
  isReader,
} from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { build, bytesOf, directory, file, PLAIN, stream, withPath } from '../testing/build.ts';
import { SMALL_IMAGES } from '../testing/small-images.ts';
import { openSquashfs, squashfsReader } from './reader.ts';

const K = 1024;

/** SHA-256 of `folder/noise` in the small images. */
const NOISE = '6163ee15be2b442c9616e11392189dbba2445ef20910ae557c1635746c3a9c72';

async function bytesIn(content: AsyncIterable<ContentChunk>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of expandHoles(content)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

async function reading(
  path: string,
  act: (reader: ImageReader) => Promise<void>,
  threads = 1,
): Promise<void> {
  const reader = await openSquashfs(path, { threads });
  try {
    await act(reader);
  } finally {
    await reader.close();
  }
}

test('the reader says what it reads', () => {
  expect(isReader(squashfsReader)).toBe(true);
  expect([squashfsReader.name, squashfsReader.magic]).toEqual([
    'squashfs',
    [{ offset: 0, bytes: '68737173' }],
  ]);
});

describe.each(['zstd', 'gzip', 'xz', 'none'] as const)('%s', (compression) => {
  test.each([1, 4])('contents in storage order, %i threads', async (threads) => {
    await withPath(async (path) => {
      const contents = new Map<ByteString, Buffer>();
      const options = { compression, blockSize: 4096, tailPacking: true };
      await build(path, options, async (store) => {
        const children: Record<string, Inode> = { empty: file(0, undefined) };
        for (let i = 0; i < 60; i++) {
          const content = bytesOf((i * 1237) % 30_000, i, i % 3 === 0);
          contents.set(`file-${i}`, content);
          children[`file-${i}`] = file(content.length, content.length > 0 ? await store(content) : undefined);
        }
        contents.set('empty', Buffer.alloc(0));
        return directory(children);
      });
      await reading(
        path,
        async (reader) => {
          const listed = await reader.list('');
          expect(listed.map(({ name }) => name)).toEqual([...contents.keys()].sort());
          const names = new Map(listed.map(({ name, node }) => [node.id, name]));
          const found = new Map<ByteString, Buffer>();
          let count = 0;
          for await (const { node, content } of reader.source.contents(listed.map(({ node }) => node))) {
            // One in five is left unread, or half read.
            if (count++ % 5 === 0) {
              if (count % 2 === 0) for await (const _part of content) break;
              continue;
            }
            found.set(names.get(node.id)!, await bytesIn(content));
          }
          expect(found.size).toBe(48);
          for (const [name, content] of found) expect(content.equals(contents.get(name)!), name).toBe(true);
          for (const [name, content] of contents) {
            expect((await bytesIn(reader.read(name))).equals(content), name).toBe(true);
          }
        },
        threads,
      );
    });
  });
});

test.each(['lz4', 'lzo', 'lzma'] as const)('an image of mksquashfs: %s', async (name) => {
  await withPath(async (path) => {
    await writeFile(path, Buffer.from(SMALL_IMAGES[name], 'base64'));
    await reading(path, async (reader) => {
      expect(reader.source.facts).toMatchObject({
        compression: name,
        blockSize: 4096,
        noXattrs: true,
        ids: 1,
      });
      const lines = Array.from({ length: 300 }, (_, i) => `line ${i} of a text that repeats\n`);
      expect((await bytesIn(reader.read('text'))).toString()).toBe(lines.join(''));
      const noise = await bytesIn(reader.read('link'));
      expect(createHash('sha256').update(noise).digest('hex')).toBe(NOISE);
      const names = (await reader.list('folder')).map(({ name: listed }) => listed);
      expect(names).toEqual([...Array.from({ length: 12 }, (_, i) => `name ${i}`), 'noise'].sort());
      expect(await reader.stat('empty')).toMatchObject({ size: 0, mtime: 1_000_000_000 });
    });
  });
});

test('ranges, holes and tails', async () => {
  await withPath(async (path) => {
    const parts = [bytesOf(5000, 1), bytesOf(9000, 2, true), bytesOf(700, 3)] as const;
    const size = 5000 + 40_000 + 9000 + 20_000 + 700;
    const chunks = [parts[0], { hole: 40_000 }, parts[1], { hole: 20_000 }, parts[2]];
    await build(path, { blockSize: 4096, tailPacking: true }, async (store) =>
      directory({ sparse: file(size, await store(stream(chunks), size)) }),
    );
    const whole = Buffer.concat([parts[0], Buffer.alloc(40_000), parts[1], Buffer.alloc(20_000), parts[2]]);
    await reading(path, async (reader) => {
      const holes: number[] = [];
      for await (const chunk of reader.read('sparse')) if ('hole' in chunk) holes.push(chunk.hole);
      // 5000 to 45000 and 54000 to 74000, cut to whole blocks.
      expect(holes).toEqual([32_768, 16_384]);
      for (const start of [0, 1, 4095, 4096, 8000, 44_999, 54_000, size - 700, size - 1, size, size + 5]) {
        for (const length of [0, 1, 4096, 30_000, size]) {
          const read = await bytesIn(reader.read('sparse', { start, end: start + length }));
          expect(read.equals(whole.subarray(start, start + length)), `${start} ${length}`).toBe(true);
        }
      }
    });
  });
});

test('every type of inode, attributes, hard links, ids and times', async () => {
  await withPath(async (path) => {
    const shared = { ...PLAIN, uid: 70_000, gid: 4_000_000_000, mtime: 4_294_967_295, mode: 0o4711 };
    const xattrs = new Map([
      ['user.a', Buffer.from('1')],
      ['trusted.b', Buffer.alloc(0)],
      ['security.c\xe9', Buffer.from([0, 255])],
    ]);
    await build(path, {}, async (store) => {
      const linked = file(3, await store(Buffer.from('abc')), { ...shared, xattrs });
      return directory(
        {
          linked,
          more: directory({ again: linked }, { mode: 0o1777 }),
          soft: { type: 'symlink', target: 'more/\xff', ...PLAIN, xattrs },
          disk: { type: 'block-device', devMajor: 4095, devMinor: 1_048_575, ...PLAIN },
          tty: { type: 'character-device', devMajor: 5, devMinor: 300, ...PLAIN, xattrs },
          pipe: { type: 'fifo', ...PLAIN },
          talk: { type: 'socket', ...PLAIN, xattrs },
        },
        { xattrs },
      );
    });
    await reading(path, async (reader) => {
      const nodes = new Map<ByteString, ImageNode>();
      for await (const { path: name, node } of reader.walk()) nodes.set(name, node);
      const names = 'disk linked more more/again pipe soft talk tty'.split(' ');
      expect([...nodes.keys()]).toEqual(['', ...names]);
      const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 1_000_000_000, mtimeNs: 0, links: 1 };
      const none = { size: 0, target: '', devMajor: 0, devMinor: 0 };
      const linked = { uid: 70_000, gid: 4_000_000_000, mtime: 4_294_967_295, mtimeNs: 0, mode: 0o4711 };
      expect(nodes.get('linked')).toMatchObject({ ...linked, ...none, type: 'file', size: 3, links: 2 });
      expect(nodes.get('more/again')!.id).toBe(nodes.get('linked')!.id);
      expect(nodes.get('more')).toMatchObject({ type: 'directory', mode: 0o1777, links: 2 });
      expect(nodes.get('')).toMatchObject({ type: 'directory', mode: 0o755, links: 3 });
      expect(nodes.get('soft')).toMatchObject({ ...plain, type: 'symlink', target: 'more/\xff', size: 6 });
      expect(nodes.get('disk')).toMatchObject({ type: 'block-device', devMajor: 4095, devMinor: 1_048_575 });
      expect(nodes.get('tty')).toMatchObject({ type: 'character-device', devMajor: 5, devMinor: 300 });
      expect(nodes.get('pipe')).toMatchObject({ ...plain, ...none, type: 'fifo' });
      expect(nodes.get('talk')).toMatchObject({ ...plain, ...none, type: 'socket' });
      const plainArrays = new Map([...xattrs].map(([name, value]) => [name, new Uint8Array(value)]));
      for (const name of ['', 'linked', 'soft', 'tty', 'talk']) {
        expect(new Map(nodes.get(name)!.xattrs), name).toEqual(plainArrays);
      }
      expect(nodes.get('pipe')!.xattrs.size).toBe(0);
      const numbers = { blockSize: 128 * K, inodes: 8, fragments: 1, ids: 3 };
      const flags = { exportable: true, noFragments: false, xattrTable: true };
      expect(reader.source.facts).toMatchObject({
        version: '4.0',
        compression: 'zstd',
        ...numbers,
        ...flags,
      });
      expect(reader.source.facts['created']).toBe('1970-01-01T00:00:00Z');
      expect(reader.source.times).toEqual({ stepNs: 1_000_000_000, minimum: 0, maximum: 4_294_967_295 });
    });
  });
});

test('names are looked up by the index and without it', async () => {
  await withPath(async (path) => {
    const names = (count: number): [string, Inode][] =>
      Array.from({ length: count }, (_, i) => [
        `a name of some length, number ${i}`,
        file(0, undefined, { uid: i % 50 }),
      ]);
    await build(path, {}, () =>
      directory({ big: directory(new Map(names(5000))), small: directory(new Map(names(20))) }),
    );
    await reading(path, async (reader) => {
      for (const [folder, count] of [
        ['big', 5000],
        ['small', 20],
      ] as const) {
        for (let i = 0; i < count; i += folder === 'big' ? 61 : 1) {
          expect((await reader.stat(`${folder}/a name of some length, number ${i}`)).uid).toBe(i % 50);
        }
        const at = await reader.stat(folder);
        for (const name of [
          'a',
          'zzz',
          'a name of some length, number 5000',
          'a name of some length, number 1x',
        ]) {
          expect(await reader.source.lookup(at, name), name).toBeUndefined();
        }
      }
      await expect(reader.source.lookup(reader.source.root, '..')).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_USAGE',
      });
    });
  });
});

test('opening reads no more than the superblock and the root', async () => {
  await withPath(async (path) => {
    await build(path, { compression: 'none' }, async (store) =>
      directory({
        a: file(300_000, await store(bytesOf(300_000, 1))),
        d: directory({ x: file(0, undefined) }),
      }),
    );
    const image = await readFile(path);
    // All data gone: nobody notices before it is asked for.
    image.fill(0xff, 96, 300_000);
    await writeFile(path, image);
    await reading(path, async (reader) => {
      expect((await reader.stat('a')).size).toBe(300_000);
      expect((await reader.list('d')).map(({ name }) => name)).toEqual(['x']);
    });
  });
});

test('an aborted signal and a closed image are typed errors', async () => {
  await withPath(async (path) => {
    await build(path, {}, async (store) => directory({ a: file(9, await store(bytesOf(9, 1))) }));
    const signal = AbortSignal.abort();
    await expect(openSquashfs(path, { signal })).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    const reader = await openSquashfs(path);
    await expect(bytesIn(reader.read('a', { signal }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    const contents = reader.source.contents([await reader.stat('a')], { signal });
    await expect(contents[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    const { root } = reader.source;
    const node = await reader.stat('a');
    await reader.close();
    await reader.close();
    await expect(bytesIn(reader.source.content(node))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
    await expect(bytesIn(reader.source.content(root))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    await expect(reader.source.children(node)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    await expect(openSquashfs(`${path}.none`)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
  });
});
