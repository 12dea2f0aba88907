import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Diagnostic, type ImageNode, type ImageReader, isReader } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { xz, zstd } from '../../../decompress/test/support/streams.ts';
import { archive, bytesOf, fileOf, type Member, member } from '../../test/archives.ts';
import { openTar, tarReader } from './tar-reader.ts';

const open = (...members: Member[]): Promise<ImageReader> => openTar(fileOf(archive(...members)));

/** Path, type and what tells inodes apart. */
async function listing(image: ImageReader): Promise<string[]> {
  const lines: string[] = [];
  for await (const { path, node } of image.walk()) {
    const { type, mode, uid, gid, mtime } = node;
    lines.push(`/${path} ${type} ${mode.toString(8)} ${uid}:${gid} ${mtime}`);
  }
  return lines;
}

const PACK = {
  none: (bytes: Buffer): Buffer => bytes,
  gzip: (bytes: Buffer): Buffer => gzipSync(bytes),
  zstd,
  xz,
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('the reader', async () => {
  expect(isReader(tarReader)).toBe(true);
  expect(tarReader.name).toBe('tar');
  const source = await tarReader.open(fileOf(archive({ path: 'a', data: 'x' })));
  expect(source.format).toBe('tar');
  expect(source.times).toEqual({ stepNs: 1 });
  expect(source.facts).toEqual({
    compression: 'none',
    bytes: 2048,
    tarBytes: 2048,
    members: 1,
    rootEntry: false,
  });
  await source.close();
  await source.close();
});

describe('what an archive extracts to', () => {
  test('the later member of a path wins', async () => {
    const image = await open(
      { path: 'file', data: 'first' },
      { path: 'dir', type: 'directory', mode: 0o700, uid: 1 },
      { path: 'dir/kept', data: 'k' },
      { path: 'file', data: 'second', mode: 0o600 },
      { path: 'dir', type: 'directory', mode: 0o711, uid: 2, mtime: 9 },
      { path: 'tree/a/b', data: '' },
      { path: 'tree', data: 'now a file' },
      { path: 'link', type: 'symlink', linkTarget: 'dir' },
      { path: 'link', type: 'directory', mode: 0o755 },
    );
    expect(await listing(image)).toEqual([
      '/ directory 755 0:0 0',
      '/dir directory 711 2:0 9',
      '/dir/kept file 644 0:0 1',
      '/file file 600 0:0 1',
      '/link directory 755 0:0 1',
      '/tree file 644 0:0 1',
    ]);
    expect((await bytesOf(image.read('file'))).toString()).toBe('second');
    await image.close();
  });

  test('missing parents are made, spellings are one path', async () => {
    const image = await open(
      { path: './a/./b//c', data: 'c' },
      { path: '/a/b/d', data: 'd' },
      { path: 'a/x/../b/e', data: 'e' },
      { path: './', type: 'directory', mode: 0o1755, mtime: 5 },
    );
    expect(await listing(image)).toEqual([
      '/ directory 1755 0:0 5',
      '/a directory 755 0:0 0',
      '/a/b directory 755 0:0 0',
      '/a/b/c file 644 0:0 1',
      '/a/b/d file 644 0:0 1',
      '/a/b/e file 644 0:0 1',
      '/a/x directory 755 0:0 0',
    ]);
    expect(image.source.facts['rootEntry']).toBe(true);
    await image.close();
  });

  test('hard links add a name and change nothing', async () => {
    const image = await open(
      { path: 'a', data: 'text', mode: 0o600 },
      { path: 'b', type: 'hardlink', linkTarget: './a', mode: 0o777, uid: 9 },
      { path: 'c', type: 'hardlink', linkTarget: 'b' },
      { path: 'a', type: 'hardlink', linkTarget: 'a' },
      { path: 'null', type: 'character-device', devMajor: 1, devMinor: 3 },
      { path: 'zero', type: 'hardlink', linkTarget: 'null' },
      { path: 'alike', data: 'text', mode: 0o600 },
    );
    const [a, b, c, alike, null_, zero] = await Promise.all(
      ['a', 'b', 'c', 'alike', 'null', 'zero'].map((path) => image.stat(path)),
    );
    expect(b).toBe(a);
    expect(c).toBe(a);
    expect(zero).toBe(null_);
    expect(alike!.id).not.toBe(a!.id);
    expect(a).toMatchObject({ type: 'file', mode: 0o600, uid: 0, size: 4 });
    expect(zero).toMatchObject({ type: 'character-device', devMajor: 1, devMinor: 3 });
    await image.close();
  });

  test('a hard link keeps what its name lost', async () => {
    const image = await open(
      { path: 'a', data: 'old' },
      { path: 'b', type: 'hardlink', linkTarget: 'a' },
      { path: 'a', data: 'new' },
    );
    expect((await bytesOf(image.read('a'))).toString()).toBe('new');
    expect((await bytesOf(image.read('b'))).toString()).toBe('old');
    await image.close();
  });

  test('paths lead through symbolic links, inside the root', async () => {
    const image = await open(
      { path: 'usr/lib', type: 'directory' },
      { path: 'lib', type: 'symlink', linkTarget: 'usr/lib' },
      { path: 'abs', type: 'symlink', linkTarget: '/usr/lib' },
      { path: 'up', type: 'symlink', linkTarget: '../../../usr/./lib' },
      { path: 'dangling', type: 'symlink', linkTarget: 'made/here' },
      { path: 'lib/one', data: '1' },
      { path: 'abs/two', data: '2' },
      { path: 'up/three', data: '3' },
      { path: 'dangling/four', data: '4' },
      { path: 'lib/../five', data: '5' },
      { path: 'six', type: 'hardlink', linkTarget: 'lib/one' },
    );
    const paths = (await listing(image)).map((line) => line.split(' ')[0]);
    expect(paths).toEqual(
      [
        '/ /abs /dangling /lib /made /made/here /made/here/four /six /up /usr',
        '/usr/five /usr/lib /usr/lib/one /usr/lib/three /usr/lib/two',
      ].flatMap((line) => line.split(' ')),
    );
    expect(await image.stat('six')).toBe(await image.stat('usr/lib/one'));
    await image.close();
  });

  test('whiteouts mean nothing', async () => {
    const image = await open(
      { path: 'a', data: 'a' },
      { path: '.wh.a' },
      { path: '.wh..wh..opq' },
      { path: 'zero', type: 'character-device' },
    );
    expect((await image.list('')).map(({ name }) => name)).toEqual(['.wh..wh..opq', '.wh.a', 'a', 'zero']);
    await image.close();
  });

  test('symbolic links have the mode that Linux gives them', async () => {
    const image = await open({ path: 'l', type: 'symlink', linkTarget: '\xff/x', mode: 0o644 });
    expect(await image.stat('l')).toMatchObject({ mode: 0o777, size: 3, target: '\xff/x' });
    await image.close();
  });
});

describe('contents', () => {
  const long = Buffer.alloc(700_000, 'a long one ').toString('latin1');
  const sparse = { path: 'sparse', size: 3_000_000, data: `${'x'.repeat(512)}${'y'.repeat(100)}` };
  const extents = [
    { offset: 1_048_576, length: 512 },
    { offset: 2_000_384, length: 100 },
  ];
  const bytes = archive(
    { path: 'z', data: 'short' },
    { path: 'empty' },
    { ...sparse, extents },
    { path: 'long', data: long },
    { path: 'hole', size: 1_000_000, extents: [] },
    { path: 'b', type: 'hardlink', linkTarget: 'z' },
    { path: 'last', data: 'end' },
  );
  const wholeSparse = Buffer.alloc(3_000_000);
  wholeSparse.fill('x', 1_048_576, 1_049_088).fill('y', 2_000_384, 2_000_484);
  const expected: Readonly<Record<string, Buffer>> = {
    z: Buffer.from('short'),
    b: Buffer.from('short'),
    empty: Buffer.alloc(0),
    sparse: wholeSparse,
    long: Buffer.from(long),
    hole: Buffer.alloc(1_000_000),
    last: Buffer.from('end'),
  };

  // bzip2 is for the tests with system tools: nothing here can write it.
  describe.each(['none', 'gzip', 'zstd', 'xz'] as const)('%s', (compression) => {
    let image: ImageReader;

    test('opens', async () => {
      image = await openTar(fileOf(await PACK[compression](bytes)));
      expect(image.source.facts).toMatchObject({ compression, members: 7, tarBytes: bytes.length });
      expect(image.source.randomAccess).toBe(compression === 'none');
    });

    test('one by one', async () => {
      for (const [path, wanted] of Object.entries(expected)) {
        expect((await bytesOf(image.read(path))).equals(wanted), path).toBe(true);
      }
    });

    test('ranges', async () => {
      for (const path of ['sparse', 'long']) {
        const { length } = expected[path]!;
        for (const [start, end] of [
          [0, 1],
          [1_048_575, 1_048_577],
          [1_048_600, 2_000_400],
          [699_999, 9e15],
          [length - 1, length],
          [length, length + 5],
          [5, 5],
        ] as const) {
          const found = await bytesOf(image.read(path, { start, end }));
          expect(found.equals(expected[path]!.subarray(start, end)), `${path} ${start}-${end}`).toBe(true);
        }
      }
    });

    test('all at once, each once, some left unread', async () => {
      const names = ['last', 'z', 'b', 'empty', 'sparse', 'hole', 'long'];
      const nodes = await Promise.all(names.map((name) => image.stat(name)));
      const found = new Map<ImageNode, Uint8Array>();
      for await (const { node, content } of image.source.contents(nodes)) {
        expect(found.has(node)).toBe(false);
        found.set(node, node === nodes[6] ? new Uint8Array() : await bytesOf(content));
      }
      expect(found.size).toBe(6);
      names.slice(0, 6).forEach((name, index) => {
        expect(expected[name]!.equals(found.get(nodes[index]!)!), name).toBe(true);
      });
    });

    test('no more than asked for', async () => {
      const nodes = [await image.stat('z'), await image.stat('last')];
      const parts: string[] = [];
      for await (const { content } of image.source.contents(nodes)) {
        parts.push((await bytesOf(content)).toString());
        break;
      }
      expect(parts).toEqual(['short']);
    });

    test('digests come with decompression', async () => {
      const { sha256: digest } = await image.stat('z');
      expect(digest).toBe(compression === 'none' ? undefined : sha256('short'));
      for (const [path, whole] of Object.entries(compression === 'none' ? {} : expected)) {
        expect((await image.stat(path)).sha256, path).toBe(sha256(whole.toString('latin1')));
      }
      await image.close();
    });
  });

  test('digests can be had of a plain tar, and left out', async () => {
    const plain = await openTar(fileOf(bytes), { digests: true });
    expect((await plain.stat('sparse')).sha256).toBe(sha256(wholeSparse.toString('latin1')));
    const zipped = await openTar(fileOf(gzipSync(bytes)), { digests: false });
    expect((await zipped.stat('z')).sha256).toBeUndefined();
    await plain.close();
    await zipped.close();
  });

  test('what is no file has none', async () => {
    const image = await open({ path: 'd', type: 'directory' });
    const directory = await image.stat('d');
    expect(() => image.source.contents([directory])).toThrow(
      expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }) as Error,
    );
    await image.close();
  });
});

test('a V7 archive without a magic opens', async () => {
  const block = member({ path: 'old', data: 'unix' });
  block.fill(0, 257, 345);
  block.write('        ', 148);
  let sum = 0;
  for (const byte of block.subarray(0, 512)) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const image = await openTar(fileOf(Buffer.concat([block, Buffer.alloc(1024)])));
  expect((await bytesOf(image.read('old'))).toString()).toBe('unix');
  await image.close();
});

test('a name that looks like a magic does not make a tar compressed', async () => {
  const image = await open({ path: 'BZh9-is-a-name', data: 'x' }, { path: '\x1f\x8b\x08', data: 'y' });
  expect(image.source.facts['compression']).toBe('none');
  await image.close();
});

test('repairs are told', async () => {
  const diagnostics: Diagnostic[] = [];
  const path = fileOf(member({ path: 'a', data: 'x' }));
  const image = await openTar(path, { diagnose: (diagnostic) => diagnostics.push(diagnostic) });
  expect(diagnostics.map(({ code }) => code)).toEqual(['missing-end-of-archive']);
  await image.close();
});

test('an abort stops it', async () => {
  const path = fileOf(gzipSync(archive()));
  const signal = AbortSignal.abort();
  await expect(openTar(path, { signal })).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
});
