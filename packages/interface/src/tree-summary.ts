import { type Inode, maybeLinked, type Tree } from './tree.ts';
import { TreeWalk } from './tree-walk.ts';

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
  const walk = new TreeWalk(tree);
  while (walk.next()) {
    const { inode } = walk;
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
