import { describe, expect, test } from 'vitest';
import {
  body,
  END,
  GNU,
  gnuLong,
  pax,
  plainEntry,
  rawHeader,
  readAll,
  readCodes,
  readEntries,
  record,
  V7,
} from '../test/raw-tar.ts';
import { TarReader } from './reader.ts';

function tar(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([...parts, END]);
}

describe('dialects', () => {
  test('ustar joins prefix and name', () => {
    const header = rawHeader({
      name: 'c',
      prefix: 'a/b',
      mode: '0104755\0',
      uid: '0001750\0',
      gid: '0000012\0',
      mtime: '14530752000\0',
    });
    expect(readEntries(tar(header))).toStrictEqual([
      plainEntry({ path: 'a/b/c', mode: 0o4755, uid: 1000, gid: 10, mtime: 0o14530752000 }),
    ]);
  });

  test('V7 has neither prefix nor device numbers; a trailing slash makes a directory', () => {
    const files = [
      rawHeader({ name: 'd/', type: '\0', magic: V7, prefix: 'x' }),
      rawHeader({ name: 'f', type: '\0', magic: V7 }),
      rawHeader({ name: 'e/', type: '0' }),
      rawHeader({ name: '/', type: '0' }),
      rawHeader({ name: 'n', type: '3', magic: V7, devMajor: '0000001\0' }),
    ];
    expect(
      readEntries(tar(...files)).map(({ type, path, devMajor }) => [type, path, devMajor]),
    ).toStrictEqual([
      ['directory', 'd', 0],
      ['file', 'f', 0],
      ['directory', 'e', 0],
      ['directory', '/', 0],
      ['character-device', 'n', 0],
    ]);
  });

  test('a file with a slash behind its name and contents is a file, as in Go', () => {
    const files = [
      [rawHeader({ name: 'f/', type: '0', size: '00000000003\0' }), body('abc')],
      [pax(record('path', 'p/')), rawHeader({ name: 'x', type: '0', size: '00000000001\0' }), body('1')],
      [pax(record('path', 'd/')), rawHeader({ name: 'x', type: '0' })],
      // The type of V7 archives: a directory, whose contents nobody reads.
      [rawHeader({ name: 'v/', type: '\0', magic: V7, size: '00000000001\0' }), body('1')],
      [rawHeader({ name: 'last', type: '0' })],
    ];
    expect(readEntries(tar(...files.flat())).map(({ type, path, size }) => [type, path, size])).toStrictEqual(
      [
        ['file', 'f', 3],
        ['file', 'p', 1],
        ['directory', 'd', 0],
        ['directory', 'v', 0],
        ['file', 'last', 0],
      ],
    );
  });

  test('GNU times are no prefix', () => {
    const header = rawHeader({ magic: GNU, at: { 345: '14530752000\0', 357: '14530752000\0' } });
    expect(readEntries(tar(header))[0]?.path).toBe('file');
  });

  test('the prefix that Go before 1.8 put into GNU headers is one', () => {
    const header = rawHeader({ magic: GNU, prefix: 'a'.repeat(90) });
    expect(readEntries(tar(header))[0]?.path).toBe(`${'a'.repeat(90)}/file`);
  });

  test('star has a shorter prefix, with times behind it', () => {
    const header = rawHeader({ prefix: 'p', at: { 476: '14530752000\0', 508: 'tar\0' } });
    expect(readEntries(tar(header))[0]?.path).toBe('p/file');
  });

  test('the checksum may be the signed one', () => {
    expect(readEntries(tar(rawHeader({ name: '\xe9\xff', checksum: 'signed' })))[0]?.path).toBe('\xe9\xff');
  });

  test('every type', () => {
    const parts = [
      rawHeader({ type: '7', size: 2 }),
      body('hi'),
      rawHeader({ type: '1', linkName: 'file' }),
      rawHeader({ type: '2', linkName: '../t/' }),
      rawHeader({ type: '3', devMajor: '0000004\0', devMinor: '0000100\0' }),
      rawHeader({ type: '4', devMajor: '0000007\0' }),
      rawHeader({ type: '5', name: 'd//' }),
      rawHeader({ type: '6' }),
    ];
    expect(readEntries(tar(...parts))).toStrictEqual([
      plainEntry({ size: 2 }),
      plainEntry({ type: 'hardlink', linkTarget: 'file' }),
      plainEntry({ type: 'symlink', linkTarget: '../t/' }),
      plainEntry({ type: 'character-device', devMajor: 4, devMinor: 64 }),
      plainEntry({ type: 'block-device', devMajor: 7 }),
      plainEntry({ type: 'directory', path: 'd/' }),
      plainEntry({ type: 'fifo' }),
    ]);
  });

  test('links, directories and devices have no body, whatever their size says', () => {
    const parts = ['1', '2', '3', '5', '6'].map((type) => rawHeader({ type, size: 4096, linkName: 'x' }));
    expect(readEntries(tar(...parts, rawHeader({ type: '1', linkName: 'x', size: '-1' })))).toHaveLength(6);
  });

  test("GNU's dumpdir is a directory whose body is passed over, a volume label is nothing", () => {
    const parts = [
      rawHeader({ name: 'label', type: 'V', magic: GNU }),
      rawHeader({ name: 'd/', type: 'D', magic: GNU, size: 600 }),
      body('Yfile\0'.repeat(100)),
      rawHeader(),
    ];
    expect(readEntries(tar(...parts)).map(({ type, path }) => [type, path])).toStrictEqual([
      ['directory', 'd'],
      ['file', 'file'],
    ]);
    expect(readCodes(tar(...parts))).toStrictEqual(['volume-label-skipped']);
  });
});

describe('PAX and long names', () => {
  test('records replace fields; the offset is that of the first header', () => {
    const records = { path: 'a\xff\n=b', uid: '3000000', gid: '4294967295', mtime: '-1.5', comment: 'x=\0y' };
    const events = readAll(tar(rawHeader({ name: 'first' }), pax(records), rawHeader({ mode: '0000600\0' })));
    expect(events[1]).toStrictEqual({
      type: 'entry',
      offset: 512,
      entry: plainEntry({
        path: 'a\xff\n=b',
        mode: 0o600,
        uid: 3_000_000,
        gid: 4_294_967_295,
        mtime: -2,
        mtimeNs: 500_000_000,
        extraPax: new Map([['comment', new Uint8Array(Buffer.from('x=\0y'))]]),
      }),
    });
  });

  test('the size record counts, and its file has the bytes', () => {
    const events = readAll(tar(pax({ size: '5' }), rawHeader(), body('hello'), rawHeader({ name: 'next' })));
    expect(
      events.map((event) => (event.type === 'data' ? Buffer.from(event.bytes).toString() : event.type)),
    ).toStrictEqual(['entry', 'hello', 'end-of-entry', 'entry']);
  });

  test('a later record wins, an empty one deletes, of several headers the last counts', () => {
    const parts = [
      pax({ path: 'hidden', linkpath: 'hidden', gid: '9' }),
      pax(record('path', 'one') + record('path', 'two') + record('uid', '5') + record('uid', '')),
      rawHeader({ uid: '0000007\0' }),
    ];
    expect(readEntries(tar(...parts))).toStrictEqual([plainEntry({ path: 'two', uid: 7 })]);
  });

  test('global records hold until replaced, a local empty one hides them', () => {
    const parts = [
      pax({ uid: '5', 'SCHILY.xattr.user.a': 'g', vendor: 'v' }, 'g'),
      rawHeader({ name: 'a' }),
      pax({ uid: '', 'SCHILY.xattr.user.b': 'l', vendor: '' }),
      rawHeader({ name: 'b', uid: '0000001\0' }),
      pax({ uid: '6' }, 'g'),
      rawHeader({ name: 'c' }),
    ];
    const g = new Uint8Array([0x67]);
    const extraPax = new Map([['vendor', new Uint8Array([0x76])]]);
    expect(readEntries(tar(...parts))).toStrictEqual([
      plainEntry({ path: 'a', uid: 5, xattrs: new Map([['user.a', g]]), extraPax }),
      plainEntry({
        path: 'b',
        uid: 1,
        xattrs: new Map([
          ['user.a', g],
          ['user.b', new Uint8Array([0x6c])],
        ]),
      }),
      plainEntry({ path: 'c', uid: 6, xattrs: new Map([['user.a', g]]), extraPax }),
    ]);
  });

  test('xattrs are bytes: SCHILY raw (an empty value is a value), LIBARCHIVE encoded', () => {
    const capability = '\x01\0\0\x02\0=\n\0\xff';
    const parts = [
      pax({
        'SCHILY.xattr.security.capability': capability,
        'SCHILY.xattr.user.empty': '',
        'LIBARCHIVE.xattr.user.a%3Db%20': 'AP8',
      }),
      rawHeader(),
    ];
    expect(readEntries(tar(...parts))[0]?.xattrs).toStrictEqual(
      new Map([
        ['security.capability', new Uint8Array(Buffer.from(capability, 'latin1'))],
        ['user.empty', new Uint8Array(0)],
        ['user.a=b ', new Uint8Array([0, 0xff])],
      ]),
    );
  });

  test('what cannot be understood is left out with a diagnostic', () => {
    const records = {
      'SCHILY.xattr.': 'x',
      'LIBARCHIVE.xattr.user.%zz': 'AA==',
      'LIBARCHIVE.xattr.user.a': '?',
      'SCHILY.acl.access': 'user::rwx,user:bob:rwx,group::r-x,mask::rwx,other::---',
      'GNU.sparse.mystery': '1',
    };
    const bytes = tar(pax(records), rawHeader());
    expect(readCodes(bytes)).toStrictEqual(Array.from({ length: 5 }, () => 'pax-record-ignored'));
    expect(readEntries(bytes)).toStrictEqual([plainEntry()]);
  });

  test('GNU long names and links win over PAX, as in Go', () => {
    const long = 'n'.repeat(300);
    const link = `${'l'.repeat(299)}\xff`;
    const parts = [
      gnuLong('K', link),
      gnuLong('L', `${long}\0rest`),
      pax({ path: 'p', linkpath: 'q' }),
      rawHeader({ type: '2' }),
    ];
    expect(readEntries(tar(...parts))).toStrictEqual([
      plainEntry({ type: 'symlink', path: long, linkTarget: link }),
    ]);
  });

  test('Solaris writes its PAX headers as type X; owners, other times and charsets are of no use', () => {
    const records = { path: 'p', uname: 'u', gname: 'g', atime: '1', ctime: '1', hdrcharset: 'BINARY' };
    expect(readEntries(tar(pax(records, 'X'), rawHeader()))).toStrictEqual([plainEntry({ path: 'p' })]);
  });

  test('NULs after the last record are padding', () => {
    expect(readEntries(tar(pax(`${record('path', 'p')}\0\0\0`), rawHeader()))[0]?.path).toBe('p');
  });

  test('bytes of a record are copied: the chunk may be reused', () => {
    const bytes = tar(pax({ 'SCHILY.xattr.user.a': 'value', comment: 'text' }), rawHeader());
    const [entry] = readEntries(bytes);
    bytes.fill(0);
    expect(Buffer.from(entry!.xattrs.get('user.a')!).toString()).toBe('value');
    expect(Buffer.from(entry!.extraPax!.get('comment')!).toString()).toBe('text');
  });
});

describe('sparse files', () => {
  const extents = [
    { offset: 512, length: 3 },
    { offset: 1000, length: 2 },
  ];
  const expected = [
    { type: 'entry', offset: 0, entry: plainEntry({ path: 's', size: 2000, extents }) },
    { type: 'hole', length: 512 },
    { type: 'data', bytes: Buffer.from('abc') },
    { type: 'hole', length: 485 },
    { type: 'data', bytes: Buffer.from('de') },
    { type: 'hole', length: 998 },
    { type: 'end-of-entry' },
  ];
  const map = '512,3,600,0,1000,2,2000,0';
  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;

  test('PAX 0.0', () => {
    const numbers = map.split(',');
    const records = numbers.map((value, index) =>
      record(`GNU.sparse.${index % 2 === 0 ? 'offset' : 'numbytes'}`, value),
    );
    const parts = [
      pax(record('GNU.sparse.size', '2000') + record('GNU.sparse.numblocks', '4') + records.join('')),
      rawHeader({ name: 's', size: 5 }),
      body('abcde'),
    ];
    expect(readAll(tar(...parts))).toStrictEqual(expected);
  });

  test('PAX 0.1', () => {
    const parts = [
      pax({
        'GNU.sparse.size': '2000',
        'GNU.sparse.numblocks': '4',
        'GNU.sparse.map': map,
        'GNU.sparse.name': 's',
      }),
      rawHeader({ name: 'GNUSparseFile.1/s', size: 5 }),
      body('abcde'),
    ];
    expect(readAll(tar(...parts))).toStrictEqual(expected);
  });

  test('PAX 1.0', () => {
    const parts = [
      pax({
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.name': 's',
        'GNU.sparse.realsize': '2000',
      }),
      rawHeader({ name: 'GNUSparseFile.1/s', size: 512 + 5 }),
      body(`4\n${map.replaceAll(',', '\n')}\n`),
      body('abcde'),
    ];
    expect(readAll(tar(...parts))).toStrictEqual(expected);
  });

  test('old GNU, with extension blocks', () => {
    const slots = [
      [0, 0],
      [512, 0],
      [512, 1],
      [513, 2],
      [600, 0],
      [1000, 2],
    ].map(([a, b]) => octal(a!) + octal(b!));
    const parts = [
      rawHeader({
        name: 's',
        type: 'S',
        magic: GNU,
        size: 5,
        at: { 386: slots.slice(0, 4).join(''), 482: '\x01', 483: octal(2000) },
      }),
      body(slots.slice(4).join('')),
      body('abcde'),
    ];
    expect(readAll(tar(...parts))).toStrictEqual(expected);
  });

  test('nothing but a hole; no hole at all', () => {
    const hole = tar(pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '' }), rawHeader());
    expect(readAll(hole)).toStrictEqual([
      { type: 'entry', offset: 0, entry: plainEntry({ size: 9, extents: [] }) },
      { type: 'hole', length: 9 },
      { type: 'end-of-entry' },
    ]);
    const full = tar(
      pax({ 'GNU.sparse.size': '2', 'GNU.sparse.map': '0,1,1,1' }),
      rawHeader({ size: 2 }),
      body('ab'),
    );
    expect(readAll(full)[0]).toStrictEqual({ type: 'entry', offset: 0, entry: plainEntry({ size: 2 }) });
  });
});

describe('the end', () => {
  const file = rawHeader();

  test('two zero blocks, then anything', () => {
    expect(readCodes(tar(file, END, END))).toStrictEqual([]);
    expect(readCodes(tar(file, END, Buffer.from('x'), END, Buffer.from('y')))).toStrictEqual([
      'trailing-data',
    ]);
    expect(readEntries(tar(file, END, file))).toHaveLength(1);
  });

  test('one zero block ends it already', () => {
    const bytes = Buffer.concat([file, Buffer.alloc(512), file, END]);
    expect(readEntries(bytes)).toHaveLength(1);
    expect(readCodes(bytes)).toStrictEqual(['trailing-data']);
  });

  test.each([
    ['nothing at all', Buffer.alloc(0)],
    ['no zero block', file],
    ['one zero block', Buffer.concat([file, Buffer.alloc(512)])],
    ['part of a zero block', Buffer.concat([file, Buffer.alloc(100)])],
    ['not even the padding of the last file', Buffer.concat([rawHeader({ size: 3 }), Buffer.from('abc')])],
    ['part of that padding', Buffer.concat([rawHeader({ size: 3 }), Buffer.from('abc\0')])],
  ])('%s: a diagnostic', (_, bytes) => {
    expect(readCodes(bytes)).toStrictEqual(['missing-end-of-archive']);
  });

  test('a PAX header without an entry: a diagnostic', () => {
    expect(readCodes(tar(file, pax({ path: 'x' })))).toStrictEqual(['pax-record-ignored']);
  });

  test('offset counts the bytes taken; data are views on the chunk', () => {
    const reader = new TarReader();
    const bytes = tar(rawHeader({ size: 4 }), body('abcd'));
    const [, data] = [...reader.write(bytes.subarray(0, 514))];
    expect(data?.type === 'data' && data.bytes.buffer === bytes.buffer && data.bytes.byteLength).toBe(2);
    expect(reader.offset).toBe(514);
  });
});
