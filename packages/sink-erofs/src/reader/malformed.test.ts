import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expandHoles, isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INODE, SUPERBLOCK, SUPERBLOCK_OFFSET } from '../format.ts';
import { superblockChecksum } from '../superblock.ts';
import { build, bytesOf, directory, file, PLAIN, stream } from '../testing/build.ts';
import { openErofs } from './reader.ts';

/** More than any image here holds: a walk that goes on is a hang. */
const MAX_NAMES = 2000;
const MAX_BYTES: number = 64 * 2 ** 20;

let folder: string;
let image: Buffer;
let blockOfRoot: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocirender-erofs-malformed-'));
  const path = join(folder, 'whole.erofs');
  const xattrs = new Map([
    ['user.a', Buffer.from('b')],
    ['trusted.long', Buffer.alloc(700, 1)],
  ]);
  await build(path, {}, async (store) =>
    directory({
      a: file(10_000, await store(bytesOf(10_000, 1)), { xattrs }),
      b: file(500_000, await store(stream([bytesOf(65_536, 2), { hole: 434_464 }]), 500_000)),
      c: { ...PLAIN, type: 'symlink', target: 'a' },
      d: directory(
        Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`name ${i}`, file(0, undefined)])),
      ),
      e: directory({ f: directory({ g: file(10, await store(bytesOf(10, 3))) }) }),
      n: { ...PLAIN, type: 'character-device', devMajor: 1, devMinor: 3 },
    }),
  );
  image = await readFile(path);
  blockOfRoot = image.readUInt16LE(SUPERBLOCK_OFFSET + SUPERBLOCK.rootNid) * 32;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Reads all of an image. */
async function readAll(bytes: Uint8Array): Promise<number> {
  const path = join(folder, `image-${Math.random()}.erofs`);
  await writeFile(path, bytes);
  try {
    const reader = await openErofs(path);
    try {
      let names = 0;
      let total = 0;
      for await (const { node } of reader.walk()) {
        if (++names > MAX_NAMES) throw new Error('the walk does not end');
        if (node.type !== 'file' || node.size > MAX_BYTES) continue;
        for await (const chunk of expandHoles(reader.source.content(node))) total += chunk.length;
      }
      return total;
    } finally {
      await reader.close();
    }
  } finally {
    await rm(path);
  }
}

/** Gives the error of reading an image with some bytes changed; the checksum is made right again. */
async function failure(change: (bytes: Buffer) => unknown, fixChecksum = true): Promise<unknown> {
  const bytes = Buffer.from(image);
  change(bytes);
  if (fixChecksum) seal(bytes);
  return readAll(bytes).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function seal(bytes: Buffer): void {
  bytes.writeUInt32LE(superblockChecksum(bytes, 4096), SUPERBLOCK_OFFSET + SUPERBLOCK.checksum);
}

const field = (name: keyof typeof SUPERBLOCK): number => SUPERBLOCK_OFFSET + SUPERBLOCK[name];

test('the image is whole', async () => {
  expect(await readAll(image)).toBe(510_010);
});

describe('the superblock', () => {
  test.each([
    ['magic', (b: Buffer) => b.writeUInt32LE(1, field('magic')), /no superblock/],
    ['block size', (b: Buffer) => b.writeUInt8(8, field('blockSizeBits')), /blocks of 2\^8 bytes/],
    ['block size', (b: Buffer) => b.writeUInt8(17, field('blockSizeBits')), /blocks of 2\^17 bytes/],
    [
      'features',
      (b: Buffer) => b.writeUInt32LE(0x8000_0000, field('featureIncompat')),
      /unknown features 0x80000000/,
    ],
    ['devices', (b: Buffer) => b.writeUInt16LE(1, field('extraDevices')), /further devices/],
    ['directory blocks', (b: Buffer) => b.writeUInt8(1, field('directoryBlockBits')), /another size/],
    [
      'blocks',
      (b: Buffer) => b.writeUInt32LE(0xffff_fff0, field('blocks')),
      /the image of \d+ bytes ends before/,
    ],
    ['inodes', (b: Buffer) => b.writeBigUInt64LE(2n ** 60n, field('inodeCount')), /out of range/],
    ['root', (b: Buffer) => b.writeUInt16LE(0, field('rootNid')), /mode 00/],
  ])('%s', async (_what, change, message) => {
    const error = await failure(change);
    expect(isOcirenderError(error)).toBe(true);
    expect((error as { code: string }).code).toMatch(/^ERR_OCIRENDER_(FORMAT|TRUNCATED)$/);
    expect(String(error)).toMatch(message);
  });

  test('checksum', async () => {
    const error = await failure((b) => b.writeUInt8(1, field('volumeName')), false);
    expect(String(error)).toMatch(/superblock: checksum [0-9a-f]+, expected [0-9a-f]+/);
  });
});

describe('the root inode', () => {
  test.each([
    ['format', (b: Buffer) => b.writeUInt16LE(0x7e, blockOfRoot + INODE.format), /unknown format/],
    ['mode', (b: Buffer) => b.writeUInt16LE(0o100644, blockOfRoot + INODE.mode), /the root is a file/],
    [
      'attributes',
      (b: Buffer) => b.writeUInt16LE(0xffff, blockOfRoot + INODE.xattrCount),
      /shared attributes|attribute/,
    ],
    ['compressed', (b: Buffer) => b.writeUInt16LE(0x2, blockOfRoot + INODE.format), /inode 36/],
  ])('%s', async (_what, change, message) => {
    const error = await failure(change);
    expect((error as { code: string }).code).toMatch(/^ERR_OCIRENDER_(FORMAT|TRUNCATED)$/);
    expect(String(error)).toMatch(message);
  });
});

describe('the root listing', () => {
  // The root is in the short form: its listing begins 32 bytes after it.
  const listing = (): number => blockOfRoot + 32;
  const target = (b: Buffer, index: number, nid: number): unknown =>
    b.writeBigUInt64LE(BigInt(nid), listing() + 12 * index);

  test('a directory that is its own child', async () => {
    // Names in order: . .. a b c d e n
    expect(String(await failure((b) => target(b, 6, 36)))).toMatch(/directory 36 has a second name, e/);
  });

  test('a directory with two names', async () => {
    const change = (b: Buffer): unknown => target(b, 6, Number(b.readBigUInt64LE(listing() + 12 * 5)));
    expect(String(await failure(change))).toMatch(/has a second name, e in directory 36/);
  });

  test.each([
    ['an inode beyond the end', (b: Buffer) => target(b, 2, 2 ** 40), /ends before/],
    [
      'names that start in the entries',
      (b: Buffer) => b.writeUInt16LE(12, listing() + 12 * 2 + 8),
      /a name from/,
    ],
    ['names at 0', (b: Buffer) => b.writeUInt16LE(0, listing() + 8), /names at 0/],
    ['names at no entry', (b: Buffer) => b.writeUInt16LE(13, listing() + 8), /names at 13/],
    ['names out of order', (b: Buffer) => b.write('z', listing() + 12 * 8 + 3), /names out of order/],
    ['a slash', (b: Buffer) => b.write('/', listing() + 12 * 8 + 3), /slash/],
  ])('%s', async (_what, change, message) => {
    expect(String(await failure(change))).toMatch(message);
  });
});

describe('compressed images', () => {
  let compressed: Buffer;
  /** Where the inode of the only file is. */
  let inode: number;

  beforeAll(async () => {
    const path = join(folder, 'compressed.erofs');
    await build(path, { compression: 'lz4', clusterSize: 16_384 }, async (store) =>
      directory({ f: file(300_000, await store(bytesOf(300_000, 1))) }),
    );
    compressed = await readFile(path);
    inode = compressed.indexOf(Buffer.from([0x02, 0x00, 0x00, 0x00, 0xa4, 0x81]));
  });

  const reading = async (change: (bytes: Buffer) => unknown): Promise<string> => {
    const bytes = Buffer.from(compressed);
    change(bytes);
    seal(bytes);
    const error: unknown = await readAll(bytes).catch((reason: unknown) => reason);
    return isOcirenderError(error) ? `${error.code} ${error.message}` : String(error);
  };

  test.each<[string, (b: Buffer) => unknown, RegExp]>([
    ['nothing', () => {}, /^300000$/],
    ['fragments', (b) => b.writeUInt8(0x80, inode + 32 + 7), /FORMAT .* has fragments, which this reader/],
    ['tails', (b) => b.writeUInt16LE(0x8, inode + 32 + 4), /FORMAT .* has compressed tails beside inodes/],
    ['lzma', (b) => b.writeUInt8(1, inode + 32 + 6), /SINK_EROFS_COMPRESSOR .* compressed with lzma/],
    ['compressor 9', (b) => b.writeUInt8(9, inode + 32 + 6), /SINK_EROFS_COMPRESSOR .* compressor 9/],
    ['deflate', (b) => b.writeUInt8(2, inode + 32 + 6), /FORMAT .* cannot be decompressed to \d+ bytes/],
    ['no beginning', (b) => b.writeUInt16LE(2, inode + 48), /FORMAT .* does not begin with a beginning/],
    ['a late beginning', (b) => b.writeUInt16LE(1, inode + 50), /FORMAT .* out of order/],
    ['an offset beyond', (b) => b.writeUInt16LE(4096, inode + 50), /FORMAT .* begins at 4096/],
    ['a far address', (b) => b.writeUInt32LE(0xffff_fff0, inode + 52), /TRUNCATED .* ends before/],
    [
      'no blocks',
      (b) => b.writeUInt16LE(0x800, inode + 56 + 4),
      /FORMAT .* a cluster of 0 bytes|a cluster of 0 blocks/,
    ],
    ['many blocks', (b) => b.writeUInt16LE(0xfff, inode + 56 + 4), /FORMAT .* a cluster of 2047 blocks/],
    ['a huge size', (b) => b.writeUInt32LE(0x380_0000, inode + 8), /FORMAT .* begins at 50433 of a block/],
  ])('%s', async (_what, change, message) => {
    expect(inode).toBeGreaterThan(0);
    expect(await reading(change)).toMatch(message);
  });

  test('changed bytes end in success or a typed error', async () => {
    const damage = fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const outcome = await reading((bytes) => {
          for (const [at, value] of changes) bytes[at] = value;
        });
        expect(outcome).toMatch(/^(ERR_OCIRENDER_|\d+$)/);
      }),
      { numRuns: 100 },
    );
  });
});

describe('any damage', () => {
  test('a cut ends in a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: image.length - 1 }), async (length) => {
        const error: unknown = await readAll(image.subarray(0, length)).catch((reason: unknown) => reason);
        expect((error as { code?: string }).code).toBe('ERR_OCIRENDER_TRUNCATED');
      }),
      { numRuns: 20 },
    );
  });

  test('changed bytes end in success or a typed error', async () => {
    // Contents tell nothing: the damage goes where inodes, tables and listings are.
    const metadata = [...image.keys()].filter((at) => at < 4096 || at > image.length - 16_384);
    const damage = fc.array(fc.tuple(fc.constantFrom(...metadata), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const error = await failure((bytes) => {
          for (const [at, value] of changes) bytes[at] = value;
        });
        expect(error === undefined || isOcirenderError(error), String(error)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
