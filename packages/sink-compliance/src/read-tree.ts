import type { ByteString, Inode, Xattrs } from '@ocirender/interface';

/** What a reader found under one name of an output. */
export interface ReadEntry {
  readonly type: Inode['type'];
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch, rounded down. */
  readonly mtime: number;
  /** Nanoseconds to add to `mtime`; 0 in formats of whole seconds. */
  readonly mtimeNs: number;
  /** Apparent size in bytes of a regular file. */
  readonly size?: number;
  /** Hash of a regular file's contents, 64 hexadecimal digits. */
  readonly sha256?: string;
  /** Target of a symbolic link. */
  readonly target?: ByteString;
  /** Numbers of a device. */
  readonly devMajor?: number;
  readonly devMinor?: number;
  readonly xattrs: Xattrs;
  /**
   * Anything that is equal for all names of one inode and different for two inodes: an inode number, the path
   * of the first name. Not looked at for directories.
   */
  readonly inode: string | number;
  /** Link count of a non-directory, where the format stores one. */
  readonly links?: number;
}

/** All that an output holds, by path from the root without a leading slash; the root is `''`. */
export type ReadTree = ReadonlyMap<ByteString, ReadEntry>;
