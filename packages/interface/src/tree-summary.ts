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

const COUNTERS = {
  directory: 'directories',
  file: 'files',
  symlink: 'symlinks',
  'character-device': 'devices',
  'block-device': 'devices',
  fifo: 'fifos',
  socket: 'sockets',
} as const;

/** Counts names, one after the other. */
export class TreeCounter {
  readonly counts: { -readonly [Name in keyof TreeSummary]: number } = {
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

  /**
   * Counts a name.
   *
   * @param inode - its inode; of other things than files the size does not matter
   * @param isKnown - whether the inode was met before, under another name
   */
  add(inode: { readonly type: Inode['type']; readonly size?: number }, isKnown: boolean): void {
    const { counts } = this;
    counts.entries++;
    if (isKnown) {
      counts.hardLinks++;
      return;
    }
    counts[COUNTERS[inode.type]]++;
    if (inode.type === 'file') counts.bytes += inode.size ?? 0;
  }
}

/**
 * Counts what a tree holds.
 *
 * @param tree - the tree
 * @returns the counts
 */
export function summarizeTree(tree: Tree): TreeSummary {
  const counter = new TreeCounter();
  const seen = new Set<Inode>();
  const walk = new TreeWalk(tree);
  while (walk.next()) {
    const { inode } = walk;
    counter.add(inode, seen.has(inode));
    if (inode.type !== 'directory' && maybeLinked(tree, inode)) seen.add(inode);
  }
  return counter.counts;
}
