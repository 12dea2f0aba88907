import type { ByteString } from './byte-string.ts';
import type { ContentRef, Extent } from './content.ts';
import type { Metadata } from './metadata.ts';

interface InodeBase extends Metadata {
  /** PAX records that ocirender does not interpret (vendor keys): the tar sink writes them back. */
  readonly extraPax?: ReadonlyMap<ByteString, Uint8Array>;
}

/** A directory. `children` is keyed by the name's bytes; its iteration order means nothing. */
export interface DirectoryInode extends InodeBase {
  readonly type: 'directory';
  readonly children: Map<ByteString, Inode>;
}

/** A regular file. Several names that share one `FileInode` object are hard links. */
export interface FileInode extends InodeBase {
  readonly type: 'file';
  /** Apparent size in bytes. */
  readonly size: number;
  /** The stored content; undefined exactly when `size` is 0. */
  content: ContentRef | undefined;
  /** Data extents of a sparse file. */
  readonly extents?: readonly Extent[];
}

/** A symbolic link. */
export interface SymlinkInode extends InodeBase {
  readonly type: 'symlink';
  /** The target's bytes, exactly as the layer spells them. */
  readonly target: ByteString;
}

/** A character or block device. */
export interface DeviceInode extends InodeBase {
  readonly type: 'character-device' | 'block-device';
  readonly devMajor: number;
  readonly devMinor: number;
}

/** A FIFO or a socket (no archive can hold a socket; a layer that is a directory, and filesystem images, can). */
export interface SpecialInode extends InodeBase {
  readonly type: 'fifo' | 'socket';
}

/** A node of the tree. One object under several names is one inode with several hard links. */
export type Inode = DirectoryInode | FileInode | SymlinkInode | DeviceInode | SpecialInode;

/** The final, merged tree: no whiteouts, no layers, no duplicates. */
export interface Tree {
  readonly root: DirectoryInode;
  /**
   * Holds every inode that may have several names, where whoever made the tree knows: all others have one. Who looks
   * for hard links asks {@link maybeLinked}.
   */
  readonly linked?: ReadonlySet<Inode>;
}

/**
 * Tells whether an inode may have several names. To remember every inode of a large tree just to find the few with
 * several names costs as much memory as half the tree.
 *
 * @param tree - the tree
 * @param inode - one of its inodes, no directory
 * @returns false when it has one name for certain
 */
export function maybeLinked(tree: Tree, inode: Inode): boolean {
  return tree.linked === undefined || tree.linked.has(inode);
}
