import { type ByteString, FormatError, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import { aclFromDisk } from '../acl.ts';
import { XATTR_BLOCK_HEADER, XATTR_ENTRY, XATTR_INDEX, XATTR_MAGIC } from '../format.ts';
import type { RawInode } from './read-inode.ts';

/** Name of the attribute that holds what of an inode's contents follows the first 60 bytes (`inline_data`). */
export const INLINE_DATA = 'system.data';

/** Linux has no larger values. */
export const MAX_VALUE = 65_536;

const PREFIXES: ReadonlyMap<number, string> = new Map([
  [XATTR_INDEX.user, 'user.'],
  [XATTR_INDEX.aclAccess, 'system.posix_acl_access'],
  [XATTR_INDEX.aclDefault, 'system.posix_acl_default'],
  [XATTR_INDEX.trusted, 'trusted.'],
  [XATTR_INDEX.security, 'security.'],
  [XATTR_INDEX.system, 'system.'],
]);

/** Where values are that have an inode of their own (`ea_inode`). */
export type ReadValue = (inode: number, size: number, from: number) => Promise<Buffer>;

/**
 * Reads an inode's attributes, {@link INLINE_DATA} among them.
 *
 * @param inode - the inode
 * @param block - its attribute block, where it has one
 * @param readValue - reads a value from an inode
 * @throws {FormatError} for damaged attributes
 */
export async function readXattrs(
  inode: RawInode,
  block: { readonly bytes: Buffer; readonly position: number } | undefined,
  readValue: ReadValue,
): Promise<Xattrs> {
  const found = new Map<ByteString, Uint8Array>();
  const { rest, position } = inode;
  if (rest.length >= 8 && rest.readUInt32LE(0) === XATTR_MAGIC)
    await readEntries(found, rest, 4, 4, inode, position, readValue);
  if (block !== undefined) {
    if (block.bytes.readUInt32LE(0) !== XATTR_MAGIC)
      throw new FormatError(`inode ${inode.number}: its attribute block is none`, block.position);
    await readEntries(found, block.bytes, XATTR_BLOCK_HEADER, 0, inode, block.position, readValue);
  }
  return found.size === 0 ? NO_XATTRS : found;
}

async function readEntries(
  found: Map<ByteString, Uint8Array>,
  bytes: Buffer,
  start: number,
  base: number,
  inode: RawInode,
  position: number,
  readValue: ReadValue,
): Promise<void> {
  const bad = (what: string): never => {
    throw new FormatError(`inode ${inode.number}: ${what}`, position);
  };
  for (let at = start; at + 4 <= bytes.length && bytes.readUInt32LE(at) !== 0; ) {
    if (at + XATTR_ENTRY > bytes.length) bad('an attribute without an end');
    const nameLength = bytes[at] as number;
    const end = at + XATTR_ENTRY + nameLength;
    const size = bytes.readUInt32LE(at + 8);
    const valueInode = bytes.readUInt32LE(at + 4);
    const valueAt = base + bytes.readUInt16LE(at + 2);
    if (end > bytes.length || size > MAX_VALUE) bad('an attribute larger than its place');
    const prefix = PREFIXES.get(bytes[at + 1] as number);
    const name = (prefix ?? '') + bytes.toString('latin1', at + XATTR_ENTRY, end);
    at = (end + 3) & ~3;
    // Kinds of attributes that the kernel does not show either.
    if (prefix === undefined) continue;
    let value: Uint8Array;
    if (valueInode !== 0) value = await readValue(valueInode, size, position);
    else if (size === 0) value = new Uint8Array(0);
    else {
      if (valueAt < base || valueAt + size > bytes.length) bad('an attribute value outside of its place');
      value = Uint8Array.prototype.slice.call(bytes, valueAt, valueAt + size);
    }
    if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default')
      value = aclFromDisk(value) ?? bad('a damaged access control list');
    found.set(name, value);
  }
}
