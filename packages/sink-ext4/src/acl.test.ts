import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aclFromDisk, aclToDisk } from './acl.ts';

/** user::rw-, user:1000:r--, group::r--, mask::r--, other::--- as the kernel has it. */
const KERNEL = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000400e8030000' +
    '04000400ffffffff' +
    '10000400ffffffff' +
    '20000000ffffffff',
  'hex',
);
/** The same as `setfacl` makes the kernel store it. */
const DISK = Buffer.from(
  '01000000' + '01000600' + '02000400e8030000' + '04000400' + '10000400' + '20000000',
  'hex',
);

test('both ways', () => {
  expect(Buffer.from(aclToDisk(KERNEL)!)).toEqual(DISK);
  expect(Buffer.from(aclFromDisk(DISK)!)).toEqual(KERNEL);
});

test.each([
  ['nothing', ''],
  ['another version', '03000000'],
  ['half an entry', '0200000001000600'],
  ['an unknown tag', '0200000003000600ffffffff'],
])('%s is no ACL of the kernel', (_, hex) => {
  expect(aclToDisk(Buffer.from(hex, 'hex'))).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['another version', '02000000'],
  ['half an entry', '010000000100'],
  ['a name without an id', '0100000002000600'],
  ['an unknown tag', '0100000003000600'],
])('%s is no ACL of ext4', (_, hex) => {
  expect(aclFromDisk(Buffer.from(hex, 'hex'))).toBeUndefined();
});

test('whatever can be stored comes back', () => {
  const entry = fc.record({
    tag: fc.constantFrom(1, 2, 4, 8, 16, 32),
    permissions: fc.nat(7),
    id: fc.nat(0xffff_fffe),
  });
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const value = Buffer.alloc(4 + 8 * entries.length);
      value.writeUInt32LE(2);
      for (const [i, { tag, permissions, id }] of entries.entries()) {
        value.writeUInt16LE(tag, 4 + 8 * i);
        value.writeUInt16LE(permissions, 6 + 8 * i);
        value.writeUInt32LE(tag === 2 || tag === 8 ? id : 0xffff_ffff, 8 + 8 * i);
      }
      expect(Buffer.from(aclFromDisk(aclToDisk(value)!)!)).toEqual(value);
    }),
  );
});
