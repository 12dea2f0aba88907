import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aclFromText, aclToText, modeOfAcl } from './acl.ts';

/** What Linux 6.1 stores for `setfacl -m u:1000:rwx,m::rwx` on a file of mode 0640. */
const KERNEL = '0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000000ffffffff';
const TEXT = 'user::rw-,user:1000:rwx,group::r--,mask::rwx,other::---';

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}

test('text becomes the value that the kernel stores', () => {
  expect(hex(aclFromText(TEXT, 'access'))).toBe(KERNEL);
});

test('the mode under an ACL shows its mask', () => {
  expect(modeOfAcl(Buffer.from(KERNEL, 'hex'))).toBe(0o670);
});

test.each([
  ['star, with names and ids', 'user::rw-,user:bob:rwx:1000,group::r--,mask::rwx,other::---'],
  ['newlines, any order', 'other::---\nmask::rwx\ngroup::r--\nuser:1000:rwx\nuser::rw-\n'],
  ['short', 'u::rw,u:1000:rwx,g::r,m:rwx,o:-'],
])('%s', (_, text) => {
  expect(hex(aclFromText(text, 'access'))).toBe(KERNEL);
});

test('default ACLs may say so in each entry, and matter even when minimal', () => {
  const plain = aclFromText('user::rwx,group::r-x,other::r-x', 'default');
  expect(hex(plain)).toBe('0200000001000700ffffffff04000500ffffffff20000500ffffffff');
  expect(aclFromText('default:user::rwx,d:group::r-x,default:other::r-x', 'default')).toStrictEqual(plain);
});

test('an access ACL that says no more than the mode is none', () => {
  expect(aclFromText('user::rwx,group::r-x,other::r-x', 'access')).toStrictEqual(new Uint8Array(0));
  expect(aclFromText('', 'access')).toStrictEqual(new Uint8Array(0));
});

test.each([
  ['a name without a number', 'user::rw-,user:bob:rwx,group::r--,mask::rwx,other::---'],
  ['no mask', 'user::rw-,user:1000:rwx,group::r--,other::---'],
  ['no owner', 'group::r--,other::---,mask::rwx'],
  ['somebody twice', 'user::rw-,user:1:rwx,user:1:r--,group::r--,mask::rwx,other::---'],
  ['an id of 32 ones', 'user::rw-,user:4294967295:rwx,group::r--,mask::rwx,other::---'],
  ['unknown words', 'everyone@:rwx::allow'],
  ['words that every object has', 'constructor::rwx,user::rwx,group::r--,other::---'],
  ['unknown permissions', 'user::rwz,group::r--,other::---'],
  ['a named mask', 'user::rw-,group::r--,mask:5:rwx,other::---'],
])('%s: refused', (_, text) => {
  expect(aclFromText(text, 'access')).toBeUndefined();
});

test('a value becomes text, and only if the text gives it back', () => {
  expect(aclToText(Buffer.from(KERNEL, 'hex'), 'access')).toBe(TEXT);
  expect(aclToText(Buffer.from(KERNEL.replace('02', '03'), 'hex'), 'access')).toBeUndefined();
  expect(aclToText(Buffer.from('02000000', 'hex'), 'access')).toBeUndefined();
});

test('any value: the text gives the same bytes, or there is none', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom('access' as const, 'default' as const),
      (value, kind) => {
        const text = aclToText(value, kind);
        if (text !== undefined) expect(hex(aclFromText(text, kind))).toBe(hex(value));
      },
    ),
  );
});
