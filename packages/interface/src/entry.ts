import type { ByteString } from './byte-string.ts';
import type { Extent } from './content.ts';
import type { Metadata } from './metadata.ts';

/** The kind of a layer entry. A `hardlink` is another name for an inode that exists under `linkTarget`. */
export type EntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  /** No archive has one; only what stands for a file system's directory. */
  | 'socket';

/**
 * One archive member in canonical form, whatever dialect it was written in. Nothing is resolved or
 * cleaned: `path` and `linkTarget` are exactly the bytes of the archive.
 */
export interface Entry extends Metadata {
  type: EntryType;
  /** The name as spelled, without a trailing slash only where the dialect uses it to mark a directory. */
  path: ByteString;
  /** Apparent size in bytes, holes included; 0 for everything but `file`. */
  size: number;
  /** Target of a `symlink` or `hardlink` as spelled; empty otherwise. */
  linkTarget: ByteString;
  /** Major number of a device, else 0. */
  devMajor: number;
  /** Minor number of a device, else 0. */
  devMinor: number;
  /** Data extents of a sparse file in ascending order, absent for a file without holes. */
  extents?: readonly Extent[];
  /** PAX records that ocirender does not interpret (`comment`, vendor keys): kept for the tar sink. */
  extraPax?: ReadonlyMap<ByteString, Uint8Array>;
}
