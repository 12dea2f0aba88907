import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CRC_START, crc32c } from '@ocirender/image-file';
import { type Inode, isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf, directory, file, PLAIN, stream } from '../../../sink-squashfs/src/testing/build.ts';
import { EXTENT_MAGIC, GD, INODE, INODE_FLAG, SB, SUPERBLOCK_OFFSET } from '../format.ts';
import { build } from '../testing/build.ts';
import { readExt4 } from '../testing/read-tree.ts';
import { ImageFile } from './image-file.ts';
import { InodeReader } from './read-inode.ts';
import { readSuperblock } from './read-superblock.ts';
import { openExt4 } from './reader.ts';

const BLOCK = 1024;
let folder: string;
let path: string;
/** A sound image with something of everything. */
let sound: Buffer;
/** Positions of inodes by path. */
const inodes = new Map<string, number>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocirender-ext4-malformed-'));
  path = join(folder, 'image');
  await build(path, { blockSize: BLOCK }, async (store) => {
    const chunks = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? bytesOf(BLOCK, i, true) : { hole: BLOCK },
    );
    const wide = Array.from({ length: 120 }, (_, i): [string, Inode] => [
      `a name of some length ${i}`,
      file(0, undefined),
    ]);
    const xattrs = new Map([
      ['user.a', Buffer.from('in the inode')],
      ['user.b', Buffer.alloc(300, 'in a block')],
    ]);
    return directory({
      file: file(5000, await store(bytesOf(5000, 1, true))),
      tree: file(40 * BLOCK, await store(stream(chunks), 40 * BLOCK)),
      d: directory({ e: directory({ f: file(0, undefined) }) }),
      wide: directory(new Map(wide)),
      short: { ...PLAIN, type: 'symlink', target: 'file' },
      long: { ...PLAIN, type: 'symlink', target: 'x'.repeat(200) },
      disk: { ...PLAIN, type: 'block-device', devMajor: 8, devMinor: 1 },
      xattrs: file(0, undefined, { xattrs }),
    });
  });
  const { readFile } = await import('node:fs/promises');
  sound = await readFile(path);
  const opened = await ImageFile.open(path);
  const reader = new InodeReader(opened, await readSuperblock(opened));
  const image = await openExt4(path);
  for await (const { path: name, node } of image.walk()) {
    inodes.set(name, (await reader.read(node.id, 0)).position);
  }
  await image.close();
  await opened.close();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

type Damage = (bytes: Buffer) => void;

/** Damages a copy of the image and reads all of it. */
async function readDamaged(damage: Damage): Promise<unknown> {
  const bytes = Buffer.from(sound);
  damage(bytes);
  await writeFile(path, bytes);
  return readExt4(path);
}

/** Changes the superblock and makes its checksum right again. */
function superblock(change: (bytes: Buffer) => void): Damage {
  return (bytes) => {
    const sb = bytes.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + 1024);
    change(sb);
    sb.writeUInt32LE(crc32c(CRC_START, sb, 0, SB.checksum), SB.checksum);
  };
}

const u16 = (offset: number, value: number): Damage => superblock((sb) => sb.writeUInt16LE(value, offset));
const u32 = (offset: number, value: number): Damage => superblock((sb) => sb.writeUInt32LE(value, offset));

/** Changes an inode. */
const inode =
  (name: string, change: (bytes: Buffer) => void): Damage =>
  (bytes) =>
    change(bytes.subarray(inodes.get(name)!, inodes.get(name)! + 256));

/** Where the first block of an inode's data (or of its tree) is. */
function firstBlock(bytes: Buffer, name: string): number {
  const at = inodes.get(name)! + INODE.block;
  return (
    (bytes.readUInt16LE(at + 6) === 0 ? bytes.readUInt32LE(at + 20) : bytes.readUInt32LE(at + 16)) * BLOCK
  );
}

test('the sound image is read', async () => {
  const tree = (await readDamaged(() => {})) as Awaited<ReturnType<typeof readExt4>>;
  expect(tree.size).toBe(inodes.size);
});

test.each([
  [0x2_0002, 'it has the feature "casefold", which cannot be read here'],
  [0x1_0002, 'the feature "encrypt"'],
  [0x8003_0002, 'the features "encrypt", "casefold", 0x80000000,'],
])('unreadable features are named: %#', async (bits, words) => {
  await expect(readDamaged(u32(SB.incompat, bits))).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_FORMAT',
    message: expect.stringContaining(words),
  });
});

describe('superblock', () => {
  test.each<[string, Damage]>([
    ['no magic', (bytes) => bytes.writeUInt16LE(0, SUPERBLOCK_OFFSET + SB.magic)],
    ['a wrong checksum', (bytes) => bytes.writeUInt16LE(9, SUPERBLOCK_OFFSET + SB.errors)],
    ['unknown features', u32(SB.incompat, 0x8000_0000)],
    ['encryption', u32(SB.incompat, 0x1_0002)],
    ['an absurd block size', u32(SB.logBlockSize, 30)],
    ['no blocks', u32(SB.blocksCount, 0)],
    ['more blocks than the file', u32(SB.blocksCount, 0x7fff_ffff)],
    ['2^60 blocks', u32(SB.blocksCountHigh, 0x1000_0000)],
    ['no blocks in a group', u32(SB.blocksPerGroup, 0)],
    ['no inodes in a group', u32(SB.inodesPerGroup, 0)],
    ['too many inodes in a group', u32(SB.inodesPerGroup, 0xffff_ffff)],
    ['too many inodes', u32(SB.inodesCount, 0xffff_ffff)],
    ['no inodes', u32(SB.inodesCount, 0)],
    ['tiny inodes', u16(SB.inodeSize, 64)],
    ['odd inodes', u16(SB.inodeSize, 200)],
    ['huge inodes', u16(SB.inodeSize, 32_768)],
    ['tiny descriptors', u16(SB.descriptorSize, 8)],
    ['huge descriptors', u16(SB.descriptorSize, 65_535)],
    ['a first block far away', u32(SB.firstDataBlock, 77)],
  ])('%s', async (_, damage) => {
    await expect(readDamaged(damage)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_OCIRENDER_(FORMAT|TRUNCATED)$/) as string,
    });
  });

  test('a file that is too short', async () => {
    for (const length of [0, 1000, 2000, 100_000]) {
      await writeFile(path, sound.subarray(0, length));
      await expect(readExt4(path)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_TRUNCATED' });
    }
  });
});

describe('what an inode may not say', () => {
  const extents = (bytes: Buffer): Buffer => bytes.subarray(INODE.block);
  test.each<[string, Damage]>([
    ['an inode table outside', (bytes) => bytes.writeUInt32LE(0x7fff_ffff, 2 * BLOCK + GD.inodeTable)],
    ['the root is a file', inode('', (i) => i.writeUInt16LE(0x81a4, INODE.mode))],
    ['no such type', inode('file', (i) => i.writeUInt16LE(0x3000, INODE.mode))],
    ['not in use', inode('file', (i) => i.writeUInt16LE(0, INODE.links))],
    ['a size of 2^63', inode('file', (i) => i.writeUInt32LE(0x8000_0000, INODE.sizeHigh))],
    [
      'a size of more blocks than can be numbered',
      inode('file', (i) => i.writeUInt32LE(0x1_0000, INODE.sizeHigh)),
    ],
    ['extra fields without an end', inode('file', (i) => i.writeUInt16LE(0xfffc, INODE.extraSize))],
    ['no extent magic', inode('file', (i) => extents(i).writeUInt16LE(0, 0))],
    ['too many extents', inode('file', (i) => extents(i).writeUInt16LE(5, 2))],
    ['an absurd depth', inode('file', (i) => extents(i).writeUInt16LE(60_000, 6))],
    ['an extent outside', inode('file', (i) => extents(i).writeUInt32LE(0x7fff_ffff, 20))],
    ['an extent over the superblock', inode('file', (i) => extents(i).writeUInt32LE(0, 20))],
    ['an empty extent', inode('file', (i) => extents(i).writeUInt16LE(0, 16))],
    [
      'the same extent twice',
      inode('file', (i) => {
        extents(i).writeUInt16LE(2, 2);
        extents(i).copy(extents(i), 24, 12, 24);
      }),
    ],
    [
      'a tree that is its own branch',
      (bytes) => {
        const at = firstBlock(bytes, 'tree');
        bytes.writeUInt16LE(1, at + 6);
        bytes.writeUInt32LE(at / BLOCK, at + 16);
      },
    ],
    ['a branch without entries', (bytes) => bytes.writeUInt16LE(0, firstBlock(bytes, 'tree') + 2)],
    [
      'a branch twice',
      inode('tree', (i) => {
        extents(i).writeUInt16LE(2, 2);
        extents(i).copy(extents(i), 24, 12, 24);
        extents(i).writeUInt32LE(5, 24);
      }),
    ],
    ['a long target without blocks', inode('long', (i) => extents(i).writeUInt16LE(0xf30b, 0))],
    ['an endless target', inode('long', (i) => i.writeUInt32LE(1_000_000, INODE.size))],
    ['an empty target', inode('short', (i) => i.writeUInt32LE(0, INODE.size))],
    ['attributes outside', inode('xattrs', (i) => i.writeUInt32LE(0x7fff_ffff, INODE.acl))],
    ['attributes that are none', inode('xattrs', (i) => i.writeUInt32LE(3, INODE.acl))],
    ['an attribute name without an end', inode('xattrs', (i) => i.writeUInt8(255, 164))],
    ['an attribute value outside', inode('xattrs', (i) => i.writeUInt16LE(0xfff0, 166))],
    ['an endless attribute value', inode('xattrs', (i) => i.writeUInt32LE(0xffff_ffff, 172))],
    ['a value in an inode that is none of that', inode('xattrs', (i) => i.writeUInt32LE(2, 168))],
    [
      'inline data without the attribute',
      inode('file', (i) => i.writeUInt32LE(INODE_FLAG.inlineData, INODE.flags)),
    ],
  ])('%s', async (_, damage) => {
    await expect(readDamaged(damage)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_OCIRENDER_(FORMAT|TRUNCATED)$/) as string,
    });
  });
});

describe('what a directory may not hold', () => {
  /** Changes the first entry after `.` and `..`. */
  const entry =
    (change: (bytes: Buffer) => void): Damage =>
    (bytes) =>
      change(bytes.subarray(firstBlock(bytes, 'd') + 24));
  test.each<[string, Damage]>([
    ['an entry of no bytes', entry((e) => e.writeUInt16LE(0, 4))],
    ['an entry of odd length', entry((e) => e.writeUInt16LE(13, 4))],
    ['an entry that ends outside', entry((e) => e.writeUInt16LE(0xfffc, 4))],
    ['a name longer than its entry', entry((e) => e.writeUInt8(255, 6))],
    ['an empty name', entry((e) => e.writeUInt8(0, 6))],
    ['a name with a slash', entry((e) => e.write('/', 8))],
    ['an inode that is not there', entry((e) => e.writeUInt32LE(0x00ff_ffff, 0))],
    ['its own parent', entry((e) => e.writeUInt32LE(2, 0))],
    [
      'itself',
      (bytes) => {
        const at = firstBlock(bytes, 'd');
        bytes.copy(bytes, at + 24, at, at + 4);
      },
    ],
    [
      'one name twice',
      (bytes) => {
        const at = firstBlock(bytes, '') + 24;
        const next = at + bytes.readUInt16LE(at + 4);
        bytes[next + 6] = 1;
        bytes.write('d', next + 8);
      },
    ],
    ['half a block', inode('d', (i) => i.writeUInt32LE(BLOCK / 2, INODE.size))],
  ])('%s', async (_, damage) => {
    await expect(readDamaged(damage)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_FORMAT' });
  });

  test('a directory of 2 GiB', async () => {
    await expect(
      readDamaged(inode('d', (i) => i.writeUInt32LE(0x8000_0000, INODE.size))),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
    });
  });
});

test('whatever is changed, reading ends with a tree or a typed error', async () => {
  // Where there is something to change: the superblock, descriptors, inodes, directories, trees, attributes.
  const table = Math.min(...inodes.values()) - 256;
  const ranges: readonly [number, number][] = [
    [SUPERBLOCK_OFFSET, 4 * BLOCK],
    [table, table + 30 * 256],
    ...['', 'd', 'd/e', 'wide', 'tree', 'long'].map((name): [number, number] => {
      const at = firstBlock(sound, name);
      return [at, at + BLOCK];
    }),
    [sound.length - 20 * BLOCK, sound.length],
  ];
  const change = fc.record({
    range: fc.constantFrom(...ranges),
    at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    value: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
      const damaged = readDamaged((bytes) => {
        for (const {
          range: [from, to],
          at,
          value,
        } of changes)
          bytes[from + Math.floor(at * (to - from))] = value;
        superblock(() => {})(bytes);
      });
      const error = await damaged.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined && !isOcirenderError(error)) throw error;
    }),
    { numRuns: 300 },
  );
});

test('the magic of an extent tree is what the damage above relies on', () => {
  const at = inodes.get('tree')! + INODE.block;
  expect([sound.readUInt16LE(at), sound.readUInt16LE(at + 6)]).toEqual([EXTENT_MAGIC, 1]);
});
