import { isOcirenderError, type LimitError } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { body, END, GNU, gnuLong, pax, rawHeader, readAll, readEntries, record } from '../test/raw-tar.ts';
import type { TarLimits } from './limits.ts';

function failure(tar: Uint8Array, limits: Partial<TarLimits> = {}): unknown {
  try {
    readAll(tar, [], { limits });
  } catch (error) {
    return error;
  }
  return undefined;
}

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;
const BASE_256_MINUS_ONE = new Uint8Array(12).fill(0xff);

describe('refused with ERR_OCIRENDER_FORMAT and the offset', () => {
  const sparse10 = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '100' };
  test.each<[string, Uint8Array[], number]>([
    ['no tar', [Buffer.alloc(512, 'x')], 0],
    ['a wrong checksum', [rawHeader(), rawHeader({ checksum: 'bad' })], 512],
    ['a malformed mode', [rawHeader({ mode: 'rw-r--r-' })], 100],
    ['a malformed size', [rawHeader({ size: '0000000009 ' })], 124],
    ['a negative size', [rawHeader({ size: BASE_256_MINUS_ONE })], 124],
    [
      'a size beyond 2^53',
      [rawHeader({ size: new Uint8Array([0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) })],
      124,
    ],
    ['a negative uid', [rawHeader({ uid: BASE_256_MINUS_ONE.subarray(4) })], 108],
    ['a uid of 33 bits', [rawHeader({ uid: new Uint8Array([0x80, 0, 0, 1, 0, 0, 0, 0]) })], 108],
    [
      'an mtime out of range',
      [rawHeader({ mtime: new Uint8Array([0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) })],
      136,
    ],
    ['a malformed device number', [rawHeader({ type: '3', devMajor: 'x' })], 329],
    ['an unknown type', [rawHeader({ type: 'M', magic: GNU })], 0],
    ['an old GNU long name', [rawHeader({ type: 'N', magic: GNU })], 0],
    ['a PAX record without a length', [pax('path=x\n')], 512],
    ['a PAX record that is too long', [pax('99 path=x\n')], 512],
    ['a PAX record that is too short', [pax('5 path=x\n')], 512],
    ['a PAX record of a huge length', [pax('99999999999999999999 path=x\n')], 512],
    ['a PAX record without newline', [pax(`${record('path', 'x').slice(0, -1)}x`)], 512],
    ['a PAX record without =', [pax('8 path \n')], 512],
    ['a PAX record without a key', [pax('5 =x\n')], 512],
    ['a PAX key with a NUL', [pax(record('a\0b', 'x'))], 512],
    ['a second PAX record that is bad', [pax(`${record('path', 'x')}zz`)], 521],
    ['a PAX path with a NUL', [pax({ path: 'a\0b' })], 512],
    ['a PAX uid of 33 bits', [pax({ uid: '4294967296' }), rawHeader()], 512],
    ['a negative PAX size', [pax({ size: '-1' }), rawHeader()], 512],
    ['a PAX mtime that is none', [pax({ mtime: 'noon' }), rawHeader()], 512],
    ['a PAX sparse map of an odd number', [pax({ 'GNU.sparse.map': '0' })], 512],
    ['a PAX sparse map with a sign', [pax({ 'GNU.sparse.map': '0,-1' })], 512],
    [
      'two PAX sparse offsets',
      [pax(record('GNU.sparse.offset', '0') + record('GNU.sparse.offset', '0'))],
      512 + 23,
    ],
    [
      'half a PAX sparse extent',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.offset': '0' }), rawHeader()],
      1024,
    ],
    [
      'an unknown sparse format',
      [pax({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0' }), rawHeader()],
      1024,
    ],
    [
      'a sparse file without size',
      [pax({ 'GNU.sparse.map': '0,1' }), rawHeader({ size: 1 }), body('a')],
      1024,
    ],
    [
      'overlapping extents',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2,1,2' }), rawHeader({ size: 4 })],
      1024,
    ],
    [
      'an extent beyond the end',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,10' }), rawHeader({ size: 10 })],
      1024,
    ],
    [
      'more data than the map has',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2' }), rawHeader({ size: 3 })],
      1024,
    ],
    [
      'less data than the map has',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2' }), rawHeader({ size: 1 })],
      1024,
    ],
    ['a sparse 1.0 map of letters', [pax(sparse10), rawHeader({ size: 512 }), body('a')], 1536],
    ['a sparse 1.0 map with an empty line', [pax(sparse10), rawHeader({ size: 512 }), body('\n')], 1536],
    [
      'a sparse 1.0 map that ends early',
      [pax(sparse10), rawHeader({ size: 512 }), body('2\n0\n1\n')],
      1536 + 6,
    ],
    [
      'a sparse 1.0 map longer than its entry',
      [pax(sparse10), rawHeader({ size: 512 }), Buffer.from(`300\n${'1\n'.repeat(600)}`)],
      2048,
    ],
    ['a sparse 1.0 entry without a map', [pax(sparse10), rawHeader(), body('0\n')], 1536],
    ['a GNU sparse entry in a POSIX header', [rawHeader({ type: 'S' })], 0],
    [
      'a GNU sparse extent of letters',
      [rawHeader({ type: 'S', magic: GNU, at: { 386: 'x', 483: octal(1) } })],
      386,
    ],
    [
      'an empty GNU sparse extension',
      [rawHeader({ type: 'S', magic: GNU, at: { 482: '\x01' } }), body(`${'\0'.repeat(504)}\x01`)],
      512,
    ],
  ])('%s', (_, parts, offset) => {
    expect(failure(Buffer.concat([...parts, END, END, END]))).toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
      offset,
    });
  });
});

describe('an impossible field is named, with the entry, its value and what is allowed', () => {
  const long = 'directory/'.repeat(12);
  test.each<[Uint8Array[], string]>([
    [
      [rawHeader({ name: 'a', uid: new Uint8Array([0x80, 0, 0, 1, 0, 0, 0, 0]) })],
      'tar: "a": the header\'s uid is 4294967296; allowed: 0 to 4294967295',
    ],
    [
      [rawHeader({ name: 'a', gid: new Uint8Array(8).fill(0xff) })],
      'tar: "a": the header\'s gid is -1; allowed: 0 to 4294967295',
    ],
    [
      [pax({ path: `${long}é` }), rawHeader({ name: 'a', mtime: '12x' })],
      `tar: "${long}\\xe9": the header's mtime is "12x"; allowed: -9007199254740991 to 9007199254740991`,
    ],
    [
      [pax({ gid: '-1', path: `${long}f` }), rawHeader({ name: 'a' })],
      `tar: "${long}f": the PAX record gid has the impossible value "-1"; allowed: 0 to 4294967295`,
    ],
    [
      [pax({ mtime: '1e9' }), rawHeader({ name: 'a' })],
      'tar: "a": the PAX record mtime has the impossible value "1e9"; allowed: seconds with a fraction, such as -1.5',
    ],
    [
      [pax({ uid: '4294967296' }, 'g'), pax({ gid: '5' }), rawHeader({ name: 'a' })],
      'tar: "a": the PAX record uid has the impossible value "4294967296"; allowed: 0 to 4294967295',
    ],
  ])('%#', (parts, message) => {
    expect((failure(Buffer.concat([...parts, END])) as Error).message).toContain(message);
  });

  test('what another record says instead does not count', () => {
    const [entry] = readEntries(
      Buffer.concat([pax({ uid: 'x' }, 'g'), pax({ uid: '7' }), rawHeader({ name: 'a' }), END]),
    );
    expect(entry).toMatchObject({ path: 'a', uid: 7 });
    const records = Buffer.from(record('gid', 'x') + record('gid', '8'));
    const twice = Buffer.concat([
      rawHeader({ type: 'x', size: octal(records.length) }),
      body(records),
      rawHeader({ name: 'b' }),
      END,
    ]);
    expect(readEntries(twice)[0]).toMatchObject({ path: 'b', gid: 8 });
  });
});

describe('cut short: ERR_OCIRENDER_TRUNCATED', () => {
  test.each<[string, Uint8Array]>([
    ['in a header', rawHeader().subarray(0, 511)],
    ['in a content', Buffer.concat([rawHeader({ size: 3 }), Buffer.from('ab')])],
    ['before a content', rawHeader({ size: 3 })],
    ['in a PAX header', pax({ path: 'x' }).subarray(0, 515)],
    ['in the padding of a PAX header', pax({ path: 'x' }).subarray(0, 600)],
    ['after a PAX header', pax({ path: 'x' })],
    ['in a long name', gnuLong('L', 'x'.repeat(200)).subarray(0, 600)],
    [
      'in a body that is passed over',
      Buffer.concat([rawHeader({ type: 'D', magic: GNU, size: 9 }), Buffer.from('Y')]),
    ],
    ['before a GNU sparse extension', rawHeader({ type: 'S', magic: GNU, at: { 482: '\x01' } })],
    [
      'before a sparse map',
      Buffer.concat([
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '1' }),
        rawHeader({ size: 512 }),
      ]),
    ],
  ])('%s', (_, bytes) => {
    expect(failure(bytes)).toMatchObject({ code: 'ERR_OCIRENDER_TRUNCATED', offset: bytes.length });
  });
});

describe('limits', () => {
  test.each<[keyof TarLimits, number, Uint8Array[]]>([
    ['paxHeaderBytes', 100, [rawHeader({ type: 'x', size: 101 })]],
    ['paxHeaderBytes', 100, [pax({ path: 'x'.repeat(50) }), pax({ path: 'x'.repeat(50) })]],
    ['paxHeaderBytes', 100, [pax({ a: 'x'.repeat(60) }, 'g'), rawHeader(), pax({ b: 'x'.repeat(60) }, 'g')]],
    ['paxHeaderBytes', 1024 * 1024, [rawHeader({ type: 'L', magic: GNU, size: 0o77777777777 })]],
    ['pathBytes', 9, [pax({ path: 'x'.repeat(10) })]],
    ['pathBytes', 9, [pax({ linkpath: 'x'.repeat(10) })]],
    ['pathBytes', 9, [gnuLong('L', 'x'.repeat(10))]],
    ['pathBytes', 9, [rawHeader({ name: 'x'.repeat(10) })]],
    ['pathBytes', 9, [rawHeader({ type: '2', linkName: 'x'.repeat(10) })]],
    ['xattrBytes', 20, [pax({ 'SCHILY.xattr.user.a': 'x'.repeat(15) })]],
    [
      'xattrBytes',
      20,
      [pax({ 'SCHILY.xattr.user.a': '12345' }, 'g'), pax({ 'SCHILY.xattr.user.b': '12345' }), rawHeader()],
    ],
    ['sparseExtents', 2, [pax({ 'GNU.sparse.map': '0,1,2,1,4,1' })]],
    [
      'sparseExtents',
      2,
      [
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }),
        rawHeader({ size: 512 }),
        body('3\n'),
      ],
    ],
    [
      'sparseExtents',
      2,
      [rawHeader({ type: 'S', magic: GNU, at: { 482: '\x01' } }), body(octal(1).repeat(6))],
    ],
  ])('%s %i', (limit, maximum, parts) => {
    const error = failure(Buffer.concat([...parts, END]), { [limit]: maximum }) as LimitError;
    expect(error).toMatchObject({ code: 'ERR_OCIRENDER_LIMIT', limit, maximum });
  });

  test('global headers are bounded in sum, local ones per entry', () => {
    const one = Buffer.concat([pax({ path: 'x'.repeat(60) }), rawHeader()]);
    expect(
      readEntries(Buffer.concat([one, one, one, END]), { limits: { paxHeaderBytes: 100 } }),
    ).toHaveLength(3);
  });
});

test('any damage gives success or an ocirender error', () => {
  const sample = Buffer.concat([
    pax({
      path: 'dir/name',
      'SCHILY.xattr.user.a': 'value',
      mtime: '1.5',
      'SCHILY.acl.access': 'user::rwx,group::r-x,other::r-x',
    }),
    rawHeader({ size: 5 }),
    body('hello'),
    gnuLong('L', 'long'.repeat(40)),
    rawHeader({ type: '2', magic: GNU }),
    pax({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.realsize': '2000',
      'GNU.sparse.name': 's',
    }),
    rawHeader({ size: 514 }),
    body('2\n0\n1\n1000\n1\n'),
    body('ab'),
    rawHeader({ type: 'S', magic: GNU, size: 2, at: { 386: octal(0) + octal(2), 483: octal(100) } }),
    body('xy'),
    END,
  ]);
  const heads: number[] = [];
  for (let at = 0; at < sample.length; at += 512)
    if (sample.toString('latin1', at + 257, at + 262) === 'ustar') heads.push(at);
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(sample.length - 1), value: fc.nat(255) }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.boolean(),
      (changes, isChecksumRepaired) => {
        const damaged = Buffer.from(sample);
        for (const { at, value } of changes) damaged[at] = value;
        if (isChecksumRepaired) for (const at of heads) repairChecksum(damaged.subarray(at, at + 512));
        try {
          readAll(damaged);
        } catch (error) {
          if (!isOcirenderError(error)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});

function repairChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
