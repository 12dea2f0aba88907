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

/** One name in the tree, as {@link walkTree} visits it. */
export interface TreeEntry {
  /** Path from the root without a leading slash; empty for the root. */
  readonly path: ByteString;
  /** Last component of `path`; empty for the root. */
  readonly name: ByteString;
  readonly inode: Inode;
  /** The directory that holds the name; the root itself for the root. */
  readonly parent: DirectoryInode;
}

/**
 * Gives a directory's entries in bytewise order of their names: the order of every output we write.
 *
 * @param directory - any directory of a tree
 * @returns a fresh, sorted array of name and inode
 */
export function sortedChildren(directory: DirectoryInode): [ByteString, Inode][] {
  return [...directory.children].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/**
 * Visits every name of a tree: a directory before its children, siblings in bytewise order, the root first.
 * Hard-linked inodes are visited once per name. Depth is bounded by memory, not by the call stack.
 *
 * @param tree - the tree
 * @returns an iterator over all names
 */
export function* walkTree(tree: Tree): Generator<TreeEntry> {
  yield { path: '', name: '', inode: tree.root, parent: tree.root };
  const stack: { parent: DirectoryInode; prefix: ByteString; names: [ByteString, Inode][]; next: number }[] =
    [{ parent: tree.root, prefix: '', names: sortedChildren(tree.root), next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const pair = top.names[top.next++];
    if (pair === undefined) {
      stack.pop();
      continue;
    }
    const [name, inode] = pair;
    const path = top.prefix + name;
    yield { path, name, inode, parent: top.parent };
    if (inode.type === 'directory') {
      stack.push({ parent: inode, prefix: `${path}/`, names: sortedChildren(inode), next: 0 });
    }
  }
}

/** What a tree holds, counted. */
export interface TreeSummary {
  /** Names, the root included. */
  readonly entries: number;
  readonly directories: number;
  /** Regular files, each inode once. */
  readonly files: number;
  readonly symlinks: number;
  readonly devices: number;
  readonly fifos: number;
  readonly sockets: number;
  /** Names beyond the first of inodes that have several. */
  readonly hardLinks: number;
  /** Apparent bytes of all regular files, each inode once. */
  readonly bytes: number;
}

/**
 * Counts what a tree holds.
 *
 * @param tree - the tree
 * @returns the counts
 */
export function summarizeTree(tree: Tree): TreeSummary {
  const counts = {
    entries: 0,
    directories: 0,
    files: 0,
    symlinks: 0,
    devices: 0,
    fifos: 0,
    sockets: 0,
    hardLinks: 0,
    bytes: 0,
  };
  const seen = new Set<Inode>();
  for (const { inode } of walkTree(tree)) {
    counts.entries++;
    if (inode.type === 'directory') {
      counts.directories++;
      continue;
    }
    if (seen.has(inode)) {
      counts.hardLinks++;
      continue;
    }
    if (maybeLinked(tree, inode)) seen.add(inode);
    if (inode.type === 'file') {
      counts.files++;
      counts.bytes += inode.size;
    } else if (inode.type === 'symlink') counts.symlinks++;
    else if (inode.type === 'fifo') counts.fifos++;
    else if (inode.type === 'socket') counts.sockets++;
    else counts.devices++;
  }
  return counts;
}
