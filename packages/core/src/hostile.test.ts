import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { type Image, isOcirenderError, type OcirenderError, type Sink } from '@ocirender/interface';
import type { MergeLimits } from '@ocirender/overlay';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixture, xz } from '../../decompress/test/support/streams.ts';
import { dirSink } from '../../sink-dir/src/index.ts';
import { squashfsSink } from '../../sink-squashfs/src/index.ts';
import { readImage } from '../../sink-squashfs/src/testing/read-image.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { readTarTree } from '../../sink-tar/test/read-tar-tree.ts';
import { archive, image, layer, member, pax, rawHeader } from '../test/support/hostile-layers.ts';
import { convert } from './convert.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

let place: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocirender-hostile-'));
});

afterEach(() => rm(place, { recursive: true, force: true }));

/** Converts what must be refused; nothing may be left. */
async function refused(
  hostile: Image,
  sink: Sink,
  limits: Partial<MergeLimits> = {},
): Promise<OcirenderError> {
  const error = await convert({
    image: hostile,
    sink,
    output: join(place, 'output'),
    threads: 1,
    limits,
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isOcirenderError(error), String((error as Error | undefined)?.stack)).toBe(true);
  expect(await readdir(place)).toEqual([]);
  return error as OcirenderError;
}

/** The same bytes again and again. */
function* repeat(bytes: Uint8Array, times: number): Generator<Uint8Array> {
  for (let i = 0; i < times; i++) yield bytes;
}

/** 8 GiB of zeros in 8 MiB of gzip. */
function zeros(): Generator<Uint8Array> {
  return repeat(zlib.gzipSync(Buffer.alloc(MIB)), 8192);
}

/** A zstd frame of 128 KiB blocks, each of one repeated byte (RFC 8878, section 3.1.1.2). */
function* zstdBomb(blocks: number): Generator<Uint8Array> {
  yield Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x58);
  for (let at = 0; at < blocks; at += 4096) {
    const part = Buffer.alloc(4 * Math.min(4096, blocks - at));
    for (let i = 0; i < part.length; i += 4) part.writeUInt32LE(((128 * 1024) << 3) | 2, i);
    yield part;
  }
  yield Uint8Array.of(1, 0, 0);
}

function binary(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(value, 4);
  field[0] = 0x80;
  return field;
}

/** The old GNU sparse header: extents and apparent size in base-256. */
function gnuSparse(extents: readonly (readonly [bigint, bigint])[], size: bigint): Buffer {
  const block = rawHeader('sparse', 'S', 0);
  block.write('ustar  \0', 257, 'latin1');
  block.fill(0, 345, 512);
  extents.forEach(([offset, length], i) => {
    binary(offset).copy(block, 386 + 24 * i);
    binary(length).copy(block, 398 + 24 * i);
  });
  binary(size).copy(block, 483);
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function* deeper(depth: number): Generator<Uint8Array> {
  for (let i = 1; i <= depth; i++) yield member({ path: 'd/'.repeat(i), type: 'directory' });
}

const long = 'n'.repeat(5000);

interface Bomb {
  readonly limit: string;
  readonly hostile: () => Image | Promise<Image>;
  readonly limits?: Partial<MergeLimits>;
}

const bombs: Readonly<Record<string, Bomb>> = {
  'more entries than allowed': {
    limit: 'entries',
    hostile: () =>
      image(layer(archive(member({ path: 'low' }))), layer(archive(...deeper(50), ...deeper(50)))),
    limits: { entries: 100 },
  },
  'a million empty entries': {
    limit: 'entries',
    hostile: () => image(layer(() => repeat(member({ path: 'same' }), 1_000_000))),
    limits: { entries: 20_000 },
  },
  'a long name in a PAX record': {
    limit: 'pathBytes',
    hostile: () => image(layer(archive(member({ path: long })))),
  },
  'a long GNU name': {
    limit: 'pathBytes',
    hostile: () =>
      image(
        layer(
          archive(
            rawHeader('././@LongLink', 'L', 5120),
            Buffer.concat([Buffer.from(long), Buffer.alloc(120)]),
            member({ path: 'x' }),
          ),
        ),
      ),
  },
  'a long link target': {
    limit: 'pathBytes',
    hostile: () => image(layer(archive(member({ path: 'x', type: 'symlink', linkTarget: long })))),
  },
  'directories, each below the last': {
    limit: 'pathDepth',
    hostile: () => image(layer(archive(...deeper(1200)))),
  },
  'one path of 100,000 directories': {
    limit: 'pathBytes',
    hostile: () => image(layer(archive(member({ path: `${'d/'.repeat(100_000)}x` })))),
  },
  'one path of 2,000 directories': {
    limit: 'pathDepth',
    hostile: () => image(layer(archive(member({ path: `${'d/'.repeat(2000)}x` })))),
  },
  'a PAX header of 2 GiB': {
    limit: 'paxHeaderBytes',
    hostile: () => image(layer(rawHeader('PaxHeader', 'x', 2 * GIB))),
  },
  'a global PAX header of 2 GiB': {
    limit: 'paxHeaderBytes',
    hostile: () => image(layer(rawHeader('PaxHeader', 'g', 2 * GIB))),
  },
  'one PAX header after the other': {
    limit: 'paxHeaderBytes',
    hostile: () => image(layer(() => repeat(pax({ comment: 'c'.repeat(10_000) }), 5000))),
  },
  'a GNU long name of 2 GiB': {
    limit: 'paxHeaderBytes',
    hostile: () => image(layer(rawHeader('././@LongLink', 'L', 2 * GIB))),
  },
  'a GNU long link of 8 EiB': {
    limit: 'paxHeaderBytes',
    hostile: () => image(layer(rawHeader('././@LongLink', 'K', binary(2n ** 53n - 1n)))),
  },
  'large attributes': {
    limit: 'xattrBytes',
    hostile: () =>
      image(layer(archive(member({ path: 'x', xattrs: new Map([['user.a', Buffer.alloc(2000)]]) })))),
    limits: { xattrBytes: 1000 },
  },
  'a file of 8 TiB': {
    limit: 'totalBytes',
    hostile: () => image(layer(rawHeader('x', '0', binary(2n ** 43n)))),
  },
  'a sparse file of 4 PiB': {
    limit: 'totalBytes',
    hostile: () => image(layer(archive(gnuSparse([[0n, 0n]], 2n ** 52n)))),
  },
  'files that are too large together': {
    limit: 'totalBytes',
    hostile: () =>
      image(
        layer(
          archive(
            ...Array.from({ length: 5 }, (_, i) =>
              Buffer.concat([pax({ path: `f${i}` }), gnuSparse([[0n, 0n]], 2n ** 38n)]),
            ),
          ),
        ),
      ),
  },
  'a sparse map of 2^40 extents': {
    limit: 'sparseExtents',
    hostile: () =>
      image(
        layer(
          archive(
            pax({
              'GNU.sparse.major': '1',
              'GNU.sparse.minor': '0',
              'GNU.sparse.name': 'x',
              'GNU.sparse.realsize': '4096',
            }),
            rawHeader('x', '0', 512),
            Buffer.concat([Buffer.from(`${2 ** 40}\n`), Buffer.alloc(498)]),
          ),
        ),
      ),
  },
  'a gzip of zeros': {
    limit: 'ratio',
    hostile: () => image(layer(zeros, 'gzip')),
    limits: { ratio: 500 },
  },
  'a gzip of zeros in a file': {
    limit: 'ratio',
    hostile: () =>
      image(
        layer(function* () {
          yield zlib.gzipSync(rawHeader('zeros', '0', 7 * GIB));
          yield* zeros();
        }, 'gzip'),
      ),
    limits: { ratio: 500 },
  },
  'a gzip that becomes large': {
    limit: 'totalBytes',
    hostile: () => image(layer(zeros, 'gzip')),
    limits: { totalBytes: 20 * MIB },
  },
  'a bzip2 of zeros': {
    limit: 'ratio',
    hostile: () => image(layer(fixture('zeros-100000000.bz2'), 'bzip2')),
  },
  'an xz of zeros': {
    limit: 'totalBytes',
    hostile: async () => image(layer(await xz(Buffer.alloc(20 * MIB)), 'xz')),
    limits: { totalBytes: 4 * MIB },
  },
  'a zstd of zeros': {
    limit: 'ratio',
    hostile: () => image(layer(() => zstdBomb(64 * 1024), 'zstd')),
    limits: { ratio: 1000 },
  },
  'many zstd frames': {
    limit: 'totalBytes',
    hostile: () =>
      image(
        layer(function* () {
          for (let i = 0; i < 4096; i++) yield* zstdBomb(8);
        }, 'zstd'),
      ),
    limits: { totalBytes: 20 * MIB },
  },
};

describe.each([squashfsSink, tarSink, dirSink].map((sink): [string, Sink] => [sink.name, sink]))(
  'a limit is met on the way to %s',
  (_, sink) => {
    test.each(Object.entries(bombs))('%s', async (_name, { limit, hostile, limits }) => {
      const image = await hostile();
      const error = await refused(image, sink, limits);
      expect(error).toMatchObject({ code: 'ERR_OCIRENDER_LIMIT', limit });
      expect(image.layers.some(({ digest }) => error.message.includes(digest))).toBe(true);
      expect(error.hint).toContain(limit);
    });
  },
);

test('the limits of one layer count for all', async () => {
  const half = layer(archive(member({ path: 'a', data: 'x'.repeat(6 * MIB) })));
  const other = layer(archive(member({ path: 'b', data: 'y'.repeat(6 * MIB) })));
  const error = await refused(image(half, other), tarSink, { totalBytes: 10 * MIB });
  expect(error).toMatchObject({
    limit: 'totalBytes',
    message: expect.stringContaining(half.digest) as string,
  });
});

test.each([
  ['8 EiB', gnuSparse([[0n, 0n]], 2n ** 63n - 1n)],
  ['extents beyond the end', gnuSparse([[2n ** 52n, 512n]], 512n)],
  [
    'extents that overlap',
    gnuSparse(
      [
        [0n, 1024n],
        [512n, 1024n],
      ],
      4096n,
    ),
  ],
])('a sparse file: %s', async (_, header) => {
  const error = await refused(image(layer(archive(header))), squashfsSink);
  expect(error.code).toMatch(/^ERR_OCIRENDER_(FORMAT|LIMIT)$/);
});

test.each([squashfsSink, tarSink])('a sparse file of 256 GiB takes no room: $name', async (sink) => {
  const sparse = archive(
    gnuSparse([[2n ** 38n - 512n, 512n]], 2n ** 38n).subarray(0, 512),
    Buffer.alloc(512, 'x'),
  );
  sparse.write('00000001000\0', 124, 'latin1');
  const sum = sparse
    .fill(' ', 148, 156)
    .subarray(0, 512)
    .reduce((total, byte) => total + byte, 0);
  sparse.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const output = join(place, 'output');
  const report = await convert({ image: image(layer(sparse)), sink, output, threads: 1 });
  expect(report.tree.bytes).toBe(2 ** 38);
  expect((await stat(output)).size).toBeLessThan(MIB);
});

describe('a tree deeper than a stack', () => {
  const limits = { pathBytes: 65_535, pathDepth: 1_000_000 };

  test('squashfs', async () => {
    const depth = 30_000;
    const deep = image(layer(archive(member({ path: `${'d/'.repeat(depth)}x`, data: 'x' }))));
    const output = join(place, 'output');
    const { tree } = await convert({ image: deep, sink: squashfsSink, output, threads: 1, limits });
    expect(tree).toMatchObject({ directories: depth + 1, files: 1 });
    expect((await readImage(output)).inodes.size).toBe(depth + 2);
  });

  test('tar', async () => {
    const depth = 4000;
    const path = `${'d/'.repeat(depth)}x`;
    const deep = image(layer(archive(member({ path, data: 'x' }))));
    const output = join(place, 'output');
    await convert({ image: deep, sink: tarSink, output, threads: 1, limits });
    const tree = await readTarTree(output);
    expect([tree.size, tree.get(path)?.size]).toEqual([depth + 2, 1]);
  });
});

describe('links', () => {
  const link = (path: string, linkTarget: string): Buffer => member({ path, type: 'symlink', linkTarget });
  const hard = (path: string, linkTarget: string): Buffer => member({ path, type: 'hardlink', linkTarget });

  test.each([
    ['to itself', [link('a', 'a')]],
    ['of two', [link('a', 'b'), link('b', 'a')]],
    ['that grows', [link('a', 'a/a/a/a/a/a')]],
    ['that doubles', [link('a', 'b/../b'), link('b', 'a/../a')]],
    ['through ..', [link('a', '../a/../a')]],
  ])('a loop %s', async (_, links) => {
    const loop = image(layer(archive(...links, member({ path: 'a/x' }))));
    expect(await refused(loop, squashfsSink)).toMatchObject({ code: 'ERR_OCIRENDER_SYMLINK_LOOP' });
  });

  test('chains', async () => {
    const chain = (length: number): Image => {
      const links = Array.from({ length }, (_, i) => link(`l${i}`, `l${i + 1}`));
      return image(layer(archive(...links, member({ path: 'l0/x', data: 'x' }))));
    };
    const output = join(place, 'output');
    await convert({ image: chain(255), sink: tarSink, output, threads: 1 });
    expect((await readTarTree(output)).get('l255/x')?.size).toBe(1);
    await rm(output);
    expect(await refused(chain(256), tarSink)).toMatchObject({ code: 'ERR_OCIRENDER_SYMLINK_LOOP' });
  });

  test('70,000 names of one file', async () => {
    const names = Array.from({ length: 70_000 }, (_, i) => hard(`n${i}`, 'file'));
    const storm = image(layer(archive(member({ path: 'file', data: 'x' }), ...names)));
    const output = join(place, 'output');
    const { tree } = await convert({ image: storm, sink: squashfsSink, output, threads: 1 });
    expect(tree).toMatchObject({ files: 1, hardLinks: 70_000 });
    const { root } = await readImage(output);
    expect(root.children?.get('n69999')?.nlink).toBe(70_001);
  });
});
