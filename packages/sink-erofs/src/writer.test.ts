import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { formatUuid, uuidFrom } from '@ocirender/image-file';
import { ImageReader, type Inode, type Metadata } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { SUPERBLOCK, SUPERBLOCK_OFFSET } from './format.ts';
import { ErofsImage } from './reader/image.ts';
import type { ErofsNode } from './reader/inode.ts';
import { openErofs } from './reader/reader.ts';
import { superblockChecksum } from './superblock.ts';
import { build, bytesOf, directory, file, PLAIN, type Store, stream, withPath } from './testing/build.ts';
import { readErofs } from './testing/read-erofs.ts';
import type { ErofsWriterOptions } from './writer.ts';

const COMPRESSIONS = [
  'none',
  'lz4',
  'lz4hc',
  'deflate',
  ...('zstdCompressSync' in zlib ? ['zstd'] : []),
] as const;

/** Files of many sizes, of text, noise and zeros. */
async function files(store: Store): Promise<Record<string, Inode>> {
  const all: Record<string, Inode> = {};
  for (const size of [
    1, 4032, 4033, 4096, 4097, 8192, 8193, 12_288, 70_000, 1_048_576, 1_500_000, 2_097_153,
  ]) {
    all[`text-${size}`] = file(size, await store(bytesOf(size, size % 251)));
    all[`noise-${size}`] = file(size, await store(stream([bytesOf(size, size, true)]), size));
    all[`zero-${size}`] = file(size, await store(Buffer.alloc(size)));
  }
  return all;
}

async function layoutsOf(path: string): Promise<Map<string, number>> {
  const image = new ImageReader(await ErofsImage.open(path));
  const layouts = new Map<string, number>();
  for await (const { path: name, node } of image.walk()) layouts.set(name, (node as ErofsNode).layout);
  await image.close();
  return layouts;
}

describe.each(COMPRESSIONS)('compression %s', (compression) => {
  const options = { compression } as ErofsWriterOptions;

  test('every content comes back, whole and in parts', () =>
    withPath(async (path) => {
      const { summary } = await build(path, options, async (store) => directory(await files(store)));
      expect((await stat(path)).size).toBe(summary.bytesWritten);
      expect(summary.compressedFiles > 5).toBe(compression !== 'none');
      const image = await openErofs(path);
      for (const { name, node } of await image.list('')) {
        const [kind, size] = name.split('-') as [string, string];
        const length = Number(size);
        const seed = kind === 'text' ? length % 251 : length;
        const wanted = kind === 'zero' ? Buffer.alloc(length) : bytesOf(length, seed, kind === 'noise');
        for (const [start, end] of [
          [0, length],
          [length - 5, length],
          [4090, 4100],
          [1_048_570, 1_048_580],
        ] as const) {
          const parts: Uint8Array[] = [];
          for await (const chunk of image.source.content(node, { start, end }))
            parts.push(chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.alloc(chunk.hole));
          expect(
            Buffer.concat(parts).equals(wanted.subarray(Math.max(start, 0), end)),
            `${name} ${start}`,
          ).toBe(true);
        }
      }
      await image.close();
    }));

  test('the number of threads and the cuts of contents make no difference', () =>
    withPath(async (path) => {
      const [one, other] = [`${path}.1`, `${path}.4`];
      await build(one, { ...options, threads: 1 }, async (store) => directory(await files(store)));
      await build(other, { ...options, threads: 4 }, async (store) => {
        const inPieces: Store = (content, size) => {
          if (!(content instanceof Uint8Array)) return store(content, size);
          const pieces = Array.from({ length: Math.ceil(content.length / 777) }, (_, i) =>
            content.subarray(i * 777, (i + 1) * 777),
          );
          return store(stream(pieces), content.length);
        };
        return directory(await files(inPieces));
      });
      expect((await readFile(one)).equals(await readFile(other))).toBe(true);
    }));
});

test('small contents that come while a file that compresses badly waits for the disk', () =>
  withPath(async (path) => {
    const wanted = new Map<string, string>();
    await build(path, { compression: 'lz4', threads: 2 }, async (store) => {
      const all: Record<string, Inode> = {};
      for (let i = 0; i < 1500; i++) {
        const bytes = i % 10 === 0 ? bytesOf(209_598, i, true) : Buffer.from(`small ${i}`);
        all[`f${i}`] = file(bytes.length, await store(bytes));
        wanted.set(`f${i}`, createHash('sha256').update(bytes).digest('hex'));
        await setImmediate();
      }
      return directory(all);
    });
    const tree = await readErofs(path);
    expect(new Map([...wanted.keys()].map((name) => [name, tree.get(name)?.sha256]))).toEqual(wanted);
  }));

describe('layouts', () => {
  test('each file has the one that takes the least room', () =>
    withPath(async (path) => {
      const body = bytesOf(200_000, 1, true);
      const { summary } = await build(path, {}, async (store) =>
        directory({
          plain: file(8192, await store(bytesOf(8192, 2, true))),
          inline: file(8292, await store(bytesOf(8292, 3, true))),
          small: file(100, await store(bytesOf(100, 4))),
          'tail-too-long': file(8191, await store(bytesOf(8191, 5, true))),
          holes: file(200_000, await store(stream([{ hole: 100_000 }, bytesOf(100_000, 6, true)]), 200_000)),
          one: file(200_000, await store(body)),
          same: file(200_000, await store(body)),
          shifted: file(265_536, await store(Buffer.concat([bytesOf(65_536, 7, true), body]))),
          empty: file(0, undefined),
        }),
      );
      expect(Object.fromEntries(await layoutsOf(path))).toEqual({
        '': 2,
        plain: 0,
        inline: 2,
        small: 2,
        'tail-too-long': 0,
        holes: 4,
        one: 2,
        same: 2,
        shifted: 4,
        empty: 0,
      });
      expect(summary.chunkFiles).toBe(2);
      // 24 blocks of the hole, and three pieces of the body twice: its rest stands beside the inode, or is too short.
      expect(summary.bytesSaved).toBe(24 * 4096 + 2 * 3 * 65_536);
    }));

  test('without dedupe everything is stored', () =>
    withPath(async (path) => {
      const { summary } = await build(path, { dedupe: false }, async (store) =>
        directory({
          one: file(100_000, await store(bytesOf(100_000, 1))),
          same: file(100_000, await store(bytesOf(100_000, 1))),
          zeros: file(131_072, await store(Buffer.alloc(131_072))),
        }),
      );
      expect(summary).toMatchObject({ chunkFiles: 0, bytesSaved: 0 });
      expect(summary.bytesWritten).toBeGreaterThan(331_072);
    }));

  test('the time that most inodes have makes them short', () =>
    withPath(async (path) => {
      const often = Array.from({ length: 100 }, (_, i): [string, Inode] => [
        `${i}`,
        file(0, undefined, { mtime: 7, mtimeNs: 8 }),
      ]);
      await build(path, {}, () =>
        directory(new Map<string, Inode>([...often, ['rare', file(0, undefined, { mtime: 1 })]])),
      );
      const image = await readFile(path);
      expect(image.readBigInt64LE(SUPERBLOCK_OFFSET + SUPERBLOCK.buildTime)).toBe(7n);
      expect(image.readUInt32LE(SUPERBLOCK_OFFSET + SUPERBLOCK.buildTimeNs)).toBe(8);
      const tree = await readErofs(path);
      expect(tree.get('5')).toMatchObject({ mtime: 7, mtimeNs: 8 });
      expect(tree.get('rare')).toMatchObject({ mtime: 1, mtimeNs: 0 });
    }));
});

describe('the superblock', () => {
  test('label, UUID and checksum', () =>
    withPath(async (path) => {
      await build(path, { label: 'fünfzehn bytes', seed: 'sha256:1' }, () => directory({}));
      const bytes = await readFile(path);
      const uuid = bytes.subarray(SUPERBLOCK_OFFSET + SUPERBLOCK.uuid).subarray(0, 16);
      expect(formatUuid(uuid)).toBe(formatUuid(uuidFrom('ocirender erofs sha256:1')));
      expect(bytes.toString('utf8', SUPERBLOCK_OFFSET + SUPERBLOCK.volumeName, SUPERBLOCK_OFFSET + 80)).toBe(
        'fünfzehn bytes\0',
      );
      expect(bytes.readUInt32LE(SUPERBLOCK_OFFSET + SUPERBLOCK.checksum)).toBe(
        superblockChecksum(bytes, 4096),
      );
    }));

  test.each<[ErofsWriterOptions, string]>([
    [{ label: 'sixteen bytes ab' }, 'label'],
    [{ uuid: '1234' }, 'uuid'],
    [{ compression: 'none', level: 1 }, 'no level'],
    [{ compression: 'deflate', level: 10 }, 'level 10'],
    [{ compression: 'lz4', level: 2 }, 'level 2'],
    [{ compression: 'lz4hc', level: 13 }, 'level 13'],
    [{ compression: 'lz4', blockSize: 512 }, 'blocks of 4096'],
  ])('%j is refused, and nothing is left', async (options, message) => {
    await withPath(async (path) => {
      const building = build(path, options, () => directory({}));
      await expect(building).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_INVALID_OPTION',
        message: expect.stringContaining(message),
      });
      await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });
});

describe('what the format cannot hold', () => {
  const base: Metadata = PLAIN;
  test.each<[string, Inode, string]>([
    ['x'.repeat(256), file(0, undefined), 'NAME_LENGTH'],
    ['link', { ...base, type: 'symlink', target: 'x'.repeat(4096) }, 'SYMLINK_LENGTH'],
    ['device', { ...base, type: 'block-device', devMajor: 4096, devMinor: 0 }, 'DEVICE_NUMBER'],
    ['device', { ...base, type: 'character-device', devMajor: 1, devMinor: 2 ** 20 }, 'DEVICE_NUMBER'],
  ])('%s', (name, inode, code) =>
    withPath(async (path) => {
      const tree = directory({ d: directory({ [name]: inode }) });
      await expect(build(path, {}, () => tree)).rejects.toMatchObject({
        code: `ERR_OCIRENDER_SINK_EROFS_${code}`,
        message: expect.stringMatching(/^d\//),
      });
    }),
  );

  test('attributes without a place are dropped and told', () =>
    withPath(async (path) => {
      const xattrs = new Map([
        ['other.x', Buffer.from('1')],
        ['user.large', Buffer.alloc(65_536)],
        ['user.kept', Buffer.from('2')],
      ]);
      const { diagnostics } = await build(path, {}, () => directory({ f: file(0, undefined, { xattrs }) }));
      expect(diagnostics.map(({ code, path: where, message }) => [code, where, message])).toEqual([
        ['xattr-dropped', 'f', 'f: EROFS cannot hold the attribute other.x'],
        ['xattr-dropped', 'f', 'f: EROFS cannot hold the attribute user.large'],
      ]);
      expect([...((await readErofs(path)).get('f')?.xattrs.keys() ?? [])]).toEqual(['user.kept']);
    }));

  test('the root has room for many attributes, but not for any number', () =>
    withPath(async (path) => {
      const xattrs = (count: number): Map<string, Uint8Array> =>
        new Map(Array.from({ length: count }, (_, i) => [`user.${i}`, Buffer.alloc(400, i)]));
      await build(path, {}, () => directory({}, { xattrs: xattrs(100) }));
      expect((await readErofs(path)).get('')?.xattrs).toEqual(xattrs(100));
      await expect(
        build(`${path}.2`, {}, () => directory({}, { xattrs: xattrs(300) })),
      ).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_SINK_EROFS_XATTRS',
      });
    }));

  test('a file without its content is a mistake of the caller', () =>
    withPath(async (path) => {
      await expect(build(path, {}, () => directory({ f: file(5, 0) }))).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_USAGE',
        message: 'f: a file of 5 bytes has no stored content',
      });
    }));
});
