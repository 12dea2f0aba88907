import { readFile, writeFile } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import type { Inode } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { SUPERBLOCK } from '../format.ts';
import { build, bytesOf, directory, file, PLAIN, withPath } from '../testing/build.ts';
import { readThrough } from '../testing/read-through.ts';
import { openSquashfs } from './reader.ts';

/** An uncompressed image, to be damaged at known places. */
class Victim {
  readonly image: Buffer;

  constructor(image: Buffer) {
    this.image = image;
  }

  /** Position in the image of a superblock's field. */
  table(field: 'inodeTable' | 'directoryTable' | 'fragmentTable' | 'idTable' | 'xattrTable'): number {
    return Number(this.image.readBigUInt64LE(SUPERBLOCK[field]));
  }

  /** Position of the entry of a name in its directory's listing. */
  entry(name: string): number {
    const at = this.image.indexOf(`${name}`, this.table('directoryTable') + 2, 'latin1');
    expect(this.image.readUInt16LE(at - 2)).toBe(name.length - 1);
    return at - 8;
  }

  /** Position of the inode that an entry names; all are in the first block here. */
  inode(name: string): number {
    return this.table('inodeTable') + 2 + this.image.readUInt16LE(this.entry(name));
  }
}

async function tree(path: string): Promise<Victim> {
  await build(path, { compression: 'none', blockSize: 4096 }, async (store) => {
    const big = await store(bytesOf(20_000, 1));
    const small = await store(bytesOf(50, 2));
    const xattrs = new Map([['user.name', Buffer.from('value')]]);
    const children: Record<string, Inode> = {
      dir1: directory({ inner1: directory({}), leaf1: file(0, undefined) }),
      dir2: directory({ inner2: directory({}), leaf2: file(0, undefined) }),
      flat1: directory({ flatA: file(0, undefined), flatB: file(0, undefined), flatter: file(0, undefined) }),
      flat2: directory({ flatC: file(0, undefined), flatD: file(0, undefined) }),
      large: file(20_000, big),
      marked: file(20_000, big, { xattrs }),
      small: file(50, small),
      symbolic: { type: 'symlink', target: 'target', ...PLAIN },
    };
    return directory(children);
  });
  return new Victim(await readFile(path));
}

/** Changes the image, or gives another. */
type Damage = (victim: Victim) => unknown;

/** Damages the image, reads all of it, and gives what goes wrong. */
async function failure(damage: Damage): Promise<unknown> {
  return withPath(async (path) => {
    const victim = await tree(path);
    const other = damage(victim);
    await writeFile(path, other instanceof Uint8Array ? other : victim.image);
    try {
      const reader = await openSquashfs(path);
      try {
        return await readThrough(reader);
      } finally {
        await reader.close();
      }
    } catch (error) {
      return error;
    }
  });
}

test('unharmed, it is read', async () => {
  expect(await failure(() => {})).toEqual({ names: 18, bytes: 40_050 });
});

const FORMAT = 'ERR_OCIRENDER_FORMAT';

describe('superblock', () => {
  test.each<[string, string, Damage]>([
    ['an empty file', 'ERR_OCIRENDER_TRUNCATED', () => Buffer.alloc(0)],
    ['cut within the superblock', 'ERR_OCIRENDER_TRUNCATED', ({ image }) => image.subarray(0, 95)],
    ['cut later', 'ERR_OCIRENDER_TRUNCATED', ({ image }) => image.subarray(0, 20_000)],
    ['another magic', FORMAT, ({ image }) => image.fill(0, 0, 1)],
    ['version 3.1', FORMAT, ({ image }) => image.writeUInt32LE(0x1_0003, SUPERBLOCK.versionMajor)],
    ['a block size of 2 GiB', FORMAT, ({ image }) => image.writeUInt32LE(2 ** 31, SUPERBLOCK.blockSize)],
    ['another logarithm', FORMAT, ({ image }) => image.writeUInt16LE(13, SUPERBLOCK.blockLog)],
    [
      'compressor 99',
      'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      ({ image }) => image.writeUInt16LE(99, SUPERBLOCK.compressor),
    ],
    [
      'no inode table',
      FORMAT,
      ({ image }) => image.fill(0xff, SUPERBLOCK.inodeTable, SUPERBLOCK.inodeTable + 8),
    ],
    [
      'tables at one place',
      FORMAT,
      ({ image }) =>
        void image.copy(image, SUPERBLOCK.directoryTable, SUPERBLOCK.inodeTable, SUPERBLOCK.inodeTable + 8),
    ],
    [
      'tables in another order',
      FORMAT,
      ({ image }) =>
        void image.copy(image, SUPERBLOCK.idTable, SUPERBLOCK.inodeTable, SUPERBLOCK.inodeTable + 8),
    ],
    [
      'a table beyond the image',
      FORMAT,
      ({ image }) => image.writeBigUInt64LE(2n ** 62n, SUPERBLOCK.idTable),
    ],
    ['a root elsewhere', FORMAT, ({ image }) => image.writeBigUInt64LE(2n ** 63n, SUPERBLOCK.rootInode)],
    ['a root within an inode', FORMAT, ({ image }) => image.writeBigUInt64LE(0xffffn, SUPERBLOCK.rootInode)],
    [
      '4,294,967,295 fragments',
      FORMAT,
      ({ image }) => image.writeUInt32LE(0xffff_ffff, SUPERBLOCK.fragmentCount),
    ],
    ['no ids', FORMAT, ({ image }) => image.writeUInt16LE(0, SUPERBLOCK.idCount)],
  ])('%s', async (_name, code, damage) => {
    expect(await failure(damage)).toMatchObject({ code });
  });

  test('an unknown compressor is named', async () => {
    const error = await failure(({ image }) => image.writeUInt16LE(99, SUPERBLOCK.compressor));
    expect((error as Error).message).toBe('the squashfs image uses the unknown compressor number 99');
  });
});

describe('tables', () => {
  test.each<[string, RegExp, Damage]>([
    [
      'a directory within itself',
      /^a directory is within itself or within two others \(at byte \d+\)$/,
      (v) => v.image.writeUInt16LE(v.image.readUInt16LE(v.entry('dir1')), v.entry('inner1')),
    ],
    [
      'the root within a directory',
      /^a directory is within itself or within two others/,
      (v) => v.image.writeUInt16LE(v.image.readUInt16LE(SUPERBLOCK.rootInode), v.entry('inner1')),
    ],
    [
      'a directory within two',
      /^a directory is within itself or within two others/,
      (v) => v.image.writeUInt16LE(v.image.readUInt16LE(v.entry('inner2')), v.entry('inner1')),
    ],
    [
      'a directory twice in one',
      /^a directory has two names/,
      (v) => v.image.writeUInt16LE(v.image.readUInt16LE(v.entry('dir1')), v.entry('dir2')),
    ],
    [
      'one listing for two directories',
      /^the listings of two directories overlap/,
      (v) => v.image.copy(v.image, v.inode('flat2') + 16, v.inode('flat1') + 16, v.inode('flat1') + 28),
    ],
    [
      'a slash in a name',
      /has the impossible name "sma\/l"/,
      (v) => v.image.write('/', v.entry('small') + 11),
    ],
    [
      'NUL in a name',
      /has the impossible name "sma\\u0000l"/,
      (v) => v.image.write('\0', v.entry('small') + 11),
    ],
    ['names out of order', /listing is not sorted/, (v) => v.image.write('a', v.entry('small') + 8)],
    ['a name twice', /listing is not sorted/, (v) => v.image.write('A', v.entry('flatB') + 12)],
    [
      'a type that is another',
      /^a directory lists a file as type 1/,
      (v) => v.image.writeUInt16LE(1, v.entry('small') + 4),
    ],
    ['an unknown type', /^an inode of unknown type 15/, (v) => v.image.writeUInt16LE(15, v.inode('small'))],
    [
      'a run of 2^32 names',
      /has a run of \d+ names/,
      (v) => v.image.writeUInt32LE(0xffff_fffe, v.entry('leaf1') - 26),
    ],
    ['a listing cut short', /ends within a name/, (v) => v.image.writeUInt16LE(20, v.inode('dir1') + 24)],
    [
      'an id that is not there',
      /^entry 77 of the id table is asked for, which has 1/,
      (v) => v.image.writeUInt16LE(77, v.inode('small') + 4),
    ],
    [
      'an inode out of the table',
      /^a reference leads to byte \d+ of a block of \d+ in the inode table/,
      (v) => v.image.writeUInt16LE(0xfff0, v.entry('small')),
    ],
    [
      'a file of 2^60 bytes',
      /^a file claims 1152921504606847000 bytes, more than/,
      (v) => v.image.writeBigUInt64LE(2n ** 60n, v.inode('marked') + 24),
    ],
    [
      'a file of 2^64-1 bytes',
      /^a file claims \d+ bytes, more than/,
      (v) => v.image.writeBigUInt64LE(2n ** 64n - 1n, v.inode('marked') + 24),
    ],
    [
      'a file whose words are not there',
      /^a reference leads out of the inode table|^a data block/,
      (v) => v.image.writeUInt32LE(3_000_000, v.inode('large') + 28),
    ],
    [
      'data beyond the image',
      /^a data block of 4096 bytes reaches beyond the image/,
      (v) => v.image.writeUInt32LE(0xffff_0000, v.inode('large') + 16),
    ],
    [
      'a block of 16 MiB',
      /^a data block claims 16777215 stored bytes/,
      (v) => v.image.writeUInt32LE(0xff_ffff, v.inode('large') + 32),
    ],
    [
      'a short block',
      /^a data block has 4000 bytes, where 4096 belong/,
      (v) => v.image.writeUInt32LE(0x100_0000 + 4000, v.inode('large') + 32),
    ],
    [
      'a block that is not compressed',
      /^a data block cannot be decompressed/,
      (v) => v.image.writeUInt32LE(4096, v.inode('large') + 32),
    ],
    [
      'a fragment that is not there',
      /^entry 9 of the fragment table is asked for/,
      (v) => v.image.writeUInt32LE(9, v.inode('small') + 20),
    ],
    [
      'a tail beyond its fragment',
      /^a file's tail ends at byte \d+ of fragment 0/,
      (v) => v.image.writeUInt32LE(90_000, v.inode('small') + 24),
    ],
    [
      'a target of 2 GiB',
      /^a symbolic link's target of 2147483648 bytes/,
      (v) => v.image.writeUInt32LE(2 ** 31, v.inode('symbolic') + 20),
    ],
    [
      'attributes that are not there',
      /^entry 5 of the attribute index/,
      (v) => v.image.writeUInt32LE(5, v.inode('marked') + 52),
    ],
    [
      'attributes of an unknown kind',
      /^the attribute table has a name of unknown type 7/,
      (v) => v.image.writeUInt16LE(7, v.image.indexOf('name', v.table('idTable')) - 4),
    ],
    [
      'an attribute of 2^32-1 bytes',
      /^the attribute table has a value of 4294967295 bytes/,
      (v) => v.image.writeUInt32LE(0xffff_ffff, v.image.indexOf('name', v.table('idTable')) + 4),
    ],
    [
      'metadata that inflates beyond 8 KiB',
      /^a metadata block of the inode table cannot be decompressed/,
      (v) => {
        const at = v.table('inodeTable');
        v.image.writeUInt16LE(v.image.readUInt16LE(at) & 0x7fff, at);
        v.image.set(deflateSync(Buffer.alloc(100_000)), at + 2);
      },
    ],
    [
      'an empty metadata block',
      /^a metadata block of the inode table claims 0 bytes/,
      (v) => v.image.writeUInt16LE(0x8000, v.table('inodeTable')),
    ],
    [
      'a metadata block of 32 KiB',
      /^a metadata block of the inode table claims 32767 bytes/,
      (v) => v.image.writeUInt16LE(0xffff, v.table('inodeTable')),
    ],
  ])('%s', async (_name, message, damage) => {
    const error = await failure(damage);
    expect(error).toMatchObject({
      code: FORMAT,
      message: expect.stringMatching(message),
      offset: expect.any(Number),
    });
  });
});
