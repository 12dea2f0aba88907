import type { ByteString } from '@ocirender/interface';

/** Names under which the kernel keeps POSIX ACLs. */
export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';

/** `struct posix_acl_xattr_header`: a little-endian version, then entries of tag (u16), permissions (u16), id (u32). */
const VERSION = 2;
const HEADER_SIZE = 4;
const ENTRY_SIZE = 8;
const NO_ID = 0xffff_ffff;

const USER_OWNER = 0x01;
const USER = 0x02;
const GROUP_OWNER = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/** Tag of the owner's entry of a word, and of a named one where there can be any. */
const TAGS: ReadonlyMap<string, readonly [tag: number, named: number | undefined]> = new Map([
  ['user', [USER_OWNER, USER]],
  ['u', [USER_OWNER, USER]],
  ['group', [GROUP_OWNER, GROUP]],
  ['g', [GROUP_OWNER, GROUP]],
  ['mask', [MASK, undefined]],
  ['m', [MASK, undefined]],
  ['other', [OTHER, undefined]],
  ['o', [OTHER, undefined]],
]);

/**
 * Turns the text of an ACL (`SCHILY.acl.access`, `SCHILY.acl.default`) into the kernel's xattr value.
 *
 * @param text - entries such as `user::rwx`, `user:1000:r-x` or star's `user:name:r-x:1000`, with commas or
 * newlines between them
 * @returns the value; an empty array for an ACL that says no more than the mode's nine bits (`access` only)
 * or nothing at all; undefined when it is malformed, incomplete, or names somebody without a number
 */
export function aclFromText(text: ByteString, kind: 'access' | 'default'): Uint8Array | undefined {
  const entries: AclEntry[] = [];
  for (const line of text.split(/[,\n]/)) {
    const spec = line.trim();
    if (spec === '') continue;
    const entry = parseAclEntry(kind === 'default' ? spec.replace(/^d(?:efault)?:/, '') : spec);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  if (entries.length === 0) return new Uint8Array(0);
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  if (!isComplete(entries)) return undefined;
  if (kind === 'access' && entries.length === 3) return new Uint8Array(0);
  return encode(entries);
}

function parseAclEntry(spec: string): AclEntry | undefined {
  const [word = '', name = '', permissionText = '', star, ...rest] = splitEntry(spec);
  const tags = TAGS.get(word);
  if (tags === undefined || rest.length > 0) return undefined;
  const permissions = parsePermissions(permissionText);
  if (permissions === undefined) return undefined;
  if (name === '') return star === undefined ? { tag: tags[0], permissions, id: NO_ID } : undefined;
  const number = star ?? name;
  if (tags[1] === undefined || !/^\d{1,10}$/.test(number)) return undefined;
  const id = Number(number);
  return id < NO_ID ? { tag: tags[1], permissions, id } : undefined;
}

/** `mask:rwx` and `other:r--` may be written without the empty name. */
function splitEntry(spec: string): string[] {
  const parts = spec.split(':').map((part) => part.trim());
  return parts.length === 2 ? [parts[0]!, '', parts[1]!] : parts;
}

function parsePermissions(text: string): number | undefined {
  if (!/^[rwx-]{1,3}$/.test(text)) return undefined;
  return (text.includes('r') ? 4 : 0) | (text.includes('w') ? 2 : 0) | (text.includes('x') ? 1 : 0);
}

/** The kernel's rule: one each of owner, group, other; a mask when anybody is named; nobody twice. */
function isComplete(entries: readonly AclEntry[]): boolean {
  let seen = 0;
  for (const [index, { tag, id }] of entries.entries()) {
    const before = entries[index - 1];
    if (before !== undefined && before.tag === tag && before.id === id) return false;
    seen |= tag;
  }
  const base = USER_OWNER | GROUP_OWNER | OTHER;
  return (seen & base) === base && ((seen & (USER | GROUP)) === 0 || (seen & MASK) !== 0);
}

function encode(entries: readonly AclEntry[]): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + entries.length * ENTRY_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION, true);
  for (const [index, entry] of entries.entries()) {
    const at = HEADER_SIZE + index * ENTRY_SIZE;
    view.setUint16(at, entry.tag, true);
    view.setUint16(at + 2, entry.permissions, true);
    view.setUint32(at + 4, entry.id, true);
  }
  return bytes;
}

/**
 * Gives the mode that a file has under an ACL: the kernel shows the mask in place of the group's bits.
 *
 * @param value - a value from {@link aclFromText}, not empty
 * @returns nine permission bits
 */
export function modeOfAcl(value: Uint8Array): number {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const permissions = new Map<number, number>();
  for (let at = HEADER_SIZE; at < value.length; at += ENTRY_SIZE) {
    permissions.set(view.getUint16(at, true), view.getUint16(at + 2, true));
  }
  const group = permissions.get(MASK) ?? permissions.get(GROUP_OWNER) ?? 0;
  return ((permissions.get(USER_OWNER) ?? 0) << 6) | (group << 3) | (permissions.get(OTHER) ?? 0);
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [USER_OWNER, 'user'],
  [USER, 'user'],
  [GROUP_OWNER, 'group'],
  [GROUP, 'group'],
  [MASK, 'mask'],
  [OTHER, 'other'],
]);

/**
 * Turns the kernel's xattr value of an ACL into text with numeric ids.
 *
 * @param value - the value of `system.posix_acl_access` or `system.posix_acl_default`
 * @returns the text, or undefined when {@link aclFromText} would not give the same bytes back
 */
export function aclToText(value: Uint8Array, kind: 'access' | 'default'): ByteString | undefined {
  if (value.length <= HEADER_SIZE || (value.length - HEADER_SIZE) % ENTRY_SIZE !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const lines: string[] = [];
  for (let at = HEADER_SIZE; at < value.length; at += ENTRY_SIZE) {
    const tag = view.getUint16(at, true);
    const permissions = view.getUint16(at + 2, true);
    const name = tag === USER || tag === GROUP ? String(view.getUint32(at + 4, true)) : '';
    lines.push(
      `${WORDS.get(tag) ?? '?'}:${name}:${permissions & 4 ? 'r' : '-'}${permissions & 2 ? 'w' : '-'}${permissions & 1 ? 'x' : '-'}`,
    );
  }
  const text = lines.join(',');
  const back = aclFromText(text, kind);
  return back !== undefined && Buffer.compare(back, value) === 0 ? text : undefined;
}
