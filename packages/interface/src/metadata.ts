import type { ByteString } from './byte-string.ts';

/**
 * Extended attributes by full name (`user.comment`, `security.capability`); values are raw bytes.
 *
 * POSIX ACLs appear under the kernel's names `system.posix_acl_access` and `system.posix_acl_default`,
 * in the kernel's binary form (`struct posix_acl_xattr_header`, version 2).
 */
export type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

/** The shared empty attribute set. */
export const NO_XATTRS: Xattrs = new Map();

/** What an inode carries besides its kind and contents. */
export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. Never a file type. */
  mode: number;
  /** Owner, 0 to 4294967295. */
  uid: number;
  /** Group, 0 to 4294967295. */
  gid: number;
  /** Modification time: whole seconds since the epoch, rounded down; negative before 1970. */
  mtime: number;
  /** Modification time: nanoseconds to add to `mtime`, 0 to 999999999. */
  mtimeNs: number;
  /** Extended attributes; {@link NO_XATTRS} when there are none. */
  xattrs: Xattrs;
}

/**
 * Tells whether two attribute sets hold the same names and bytes.
 *
 * @param a - one set
 * @param b - the other set
 * @returns true when equal
 */
export function equalXattrs(a: Xattrs, b: Xattrs): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}

/**
 * Tells whether two inodes carry the same metadata, to the nanosecond and the last xattr byte.
 *
 * @param a - one inode's metadata
 * @param b - the other's
 * @returns true when equal
 */
export function equalMetadata(a: Metadata, b: Metadata): boolean {
  return (
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mtime === b.mtime &&
    a.mtimeNs === b.mtimeNs &&
    equalXattrs(a.xattrs, b.xattrs)
  );
}
