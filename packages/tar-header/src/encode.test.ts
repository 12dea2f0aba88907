import type { Entry } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryEntry } from '../test/arbitrary-entry.ts';
import { plainEntry, readAll, readEntries } from '../test/raw-tar.ts';
import { END_OF_ARCHIVE, encodeTarHeader, storedSize } from './encode.ts';
import { tarPadding } from './padding.ts';

/** A whole member; the content counts up. */
function member(entry: Entry): Buffer {
  const size = storedSize(entry);
  const content = Buffer.from(Array.from({ length: size }, (_, index) => index % 251));
  return Buffer.concat([encodeTarHeader(entry), content, Buffer.alloc(tarPadding(size))]);
}

function fieldOf(header: Uint8Array, offset: number, length: number): string {
  return Buffer.from(header).toString('latin1', offset, offset + length);
}

test('a plain file is one canonical ustar block', () => {
  const header = encodeTarHeader(
    plainEntry({ path: 'a/b', size: 5, uid: 1000, gid: 100, mtime: 1_700_000_000 }),
  );
  expect(header).toHaveLength(512);
  expect(fieldOf(header, 0, 10)).toBe('a/b\0\0\0\0\0\0\0');
  expect(fieldOf(header, 100, 57)).toBe(
    '0000644\x000001750\x000000144\x0000000000005\x0014524770400\x00007654\0 0',
  );
  expect(fieldOf(header, 257, 88)).toBe(`ustar\x0000${'\0'.repeat(64)}0000000\x000000000\0`);
});

describe('names', () => {
  const name = 'n'.repeat(100);
  test.each([
    ['100 bytes', name, 512],
    ['100 bytes after a prefix of 155', `${'p'.repeat(155)}/${name}`, 512],
    ['the shortest prefix', `${'p'.repeat(50)}/${'q'.repeat(60)}/${'r'.repeat(20)}`, 512],
    ['101 bytes without a slash', `${name}n`, 1536],
    ['a slash too early', `p/${name}n`, 1536],
    ['a slash too late', `${'p'.repeat(156)}/n`, 1536],
    ['a slash at the start only', `/${name}`, 1536],
    ['not UTF-8, short', '\xff', 512],
    ['not UTF-8, long', '\xff'.repeat(300), 1536],
  ])('%s', (_, path, length) => {
    const entry = plainEntry({ path });
    expect(encodeTarHeader(entry)).toHaveLength(length);
    expect(readEntries(member(entry))).toStrictEqual([entry]);
  });

  test('directories end in a slash, which counts', () => {
    const entry = plainEntry({ type: 'directory', path: name });
    expect(encodeTarHeader(entry)).toHaveLength(1536);
    expect(readEntries(member(entry))).toStrictEqual([entry]);
    expect(fieldOf(encodeTarHeader({ ...entry, path: '.' }), 0, 3)).toBe('./\0');
  });

  test('only names that are no UTF-8 are declared binary', () => {
    const binary = Buffer.from(encodeTarHeader(plainEntry({ path: '\xff'.repeat(101) }))).toString('latin1');
    expect(binary).toContain('21 hdrcharset=BINARY\n');
    expect(
      Buffer.from(encodeTarHeader(plainEntry({ path: '\xc3\xa9'.repeat(101) }))).includes('hdrcharset'),
    ).toBe(false);
  });
});

test('PAX records are sorted, their header depends on nothing else', () => {
  const entry = plainEntry({
    path: 'dir/name',
    uid: 0o10000000,
    mtime: -1,
    mtimeNs: 5e8,
    xattrs: new Map([
      ['user.b', Buffer.from('2')],
      ['user.a', Buffer.from('1')],
      ['user.c=d', Buffer.from('3')],
    ]),
    extraPax: new Map([['comment', Buffer.from('c')]]),
  });
  const header = encodeTarHeader(entry);
  expect(fieldOf(header, 0, 16)).toBe('PaxHeaders/name\0');
  expect(fieldOf(header, 136, 12)).toBe('00000000000\0');
  expect(fieldOf(header, 512, 150).replace(/\0+$/, '')).toBe(
    '36 LIBARCHIVE.xattr.user.c%3Dd=Mw==\n25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n13 comment=c\n14 mtime=-0.5\n15 uid=2097152\n',
  );
});

test('ACLs are written as text and as xattrs', () => {
  const acl = Buffer.from('0200000001000700ffffffff04000500ffffffff20000500ffffffff', 'hex');
  const entry = plainEntry({
    type: 'directory',
    path: 'd',
    xattrs: new Map([['system.posix_acl_default', new Uint8Array(acl)]]),
  });
  const bytes = member(entry);
  expect(bytes.includes('SCHILY.acl.default=user::rwx,group::r-x,other::r-x\n')).toBe(true);
  expect(bytes.includes('SCHILY.xattr.system.posix_acl_default=\x02')).toBe(true);
  expect(readEntries(bytes)).toStrictEqual([entry]);
});

test('sizes beyond 8 GiB', () => {
  const entry = plainEntry({ size: 2 ** 33 });
  expect(encodeTarHeader(entry)).toHaveLength(1536);
  expect(encodeTarHeader({ ...entry, size: 2 ** 33 - 1 })).toHaveLength(512);
  const hole = plainEntry({ size: 2 ** 40, extents: [{ offset: 2 ** 39, length: 1 }] });
  expect(readAll(member(hole)).slice(0, 4)).toStrictEqual([
    { type: 'entry', offset: 0, entry: hole },
    { type: 'hole', length: 2 ** 39 },
    { type: 'data', bytes: Buffer.from([0]) },
    { type: 'hole', length: 2 ** 39 - 1 },
  ]);
});

test('the end of the archive is 1024 NULs', () => {
  expect(END_OF_ARCHIVE).toStrictEqual(new Uint8Array(1024));
});

test.each<[string, Partial<Entry>]>([
  ['a NUL in the name', { path: 'a\0' }],
  ['a NUL in the target', { type: 'symlink', linkTarget: 'a\0' }],
  ['a file that looks like a directory', { path: 'a/' }],
  ['a negative uid', { uid: -1 }],
  ['a gid of 33 bits', { gid: 2 ** 32 }],
  ['a mode with a file type', { mode: 0o100644 }],
  ['a fractional mtime', { mtime: 0.5 }],
  ['a size that is none', { size: Number.NaN }],
  ['a device number out of range', { type: 'fifo', devMajor: 2 ** 32 }],
  ['an extra record that is ours', { extraPax: new Map([['path', Buffer.from('x')]]) }],
  ['an extra record that cannot be', { extraPax: new Map([['a=b', Buffer.from('x')]]) }],
])('%s: ERR_OCIRENDER_USAGE', (_, change) => {
  expect(() => encodeTarHeader(plainEntry(change))).toThrow(
    expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }),
  );
});

describe('any entries', () => {
  test('read back as they were, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryEntry, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (entries, cuts) => {
          const tar = Buffer.concat([...entries.map(member), END_OF_ARCHIVE]);
          const whole = readAll(tar);
          expect(whole.flatMap((event) => (event.type === 'entry' ? [event.entry] : []))).toStrictEqual(
            entries,
          );
          expect(whole.filter((event) => event.type === 'diagnostic')).toStrictEqual([]);
          expect(
            readAll(
              tar,
              cuts.map((cut) => cut % tar.length),
            ),
          ).toStrictEqual(whole);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('byte by byte', () => {
    fc.assert(
      fc.property(arbitraryEntry, (entry) => {
        const tar = member(entry);
        expect(readAll(tar, [...tar.keys()])).toStrictEqual(readAll(tar));
      }),
      { numRuns: 20 },
    );
  });
});
