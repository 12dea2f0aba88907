import { type DirectoryInode, type Inode, maybeLinked, type Tree } from '@ocirender/interface';
import type { MetadataRef } from './metadata-writer.ts';

/** An inode with several names. */
export interface HardLink {
  /** How many names. */
  count: number;
  /** Its inode number; 0 until the first of its names is met. */
  number: number;
  /** Where it is; undefined until it is written. */
  ref: MetadataRef | undefined;
}

/**
 * Finds the inodes with several names and counts all inodes.
 *
 * @param tree - the tree
 * @returns the shared inodes, and how many inodes there are, the root included
 */
export function findHardLinks(tree: Tree): { links: Map<Inode, HardLink>; inodeCount: number } {
  const seen = new Set<Inode>();
  const links = new Map<Inode, HardLink>();
  const pending: DirectoryInode[] = [tree.root];
  let inodeCount = 1;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const inode of directory.children.values()) {
      if (inode.type === 'directory') {
        pending.push(inode);
        inodeCount++;
      } else if (seen.has(inode)) {
        const link = links.get(inode);
        if (link === undefined) links.set(inode, { count: 2, number: 0, ref: undefined });
        else link.count++;
      } else {
        if (maybeLinked(tree, inode)) seen.add(inode);
        inodeCount++;
      }
    }
  }
  return { links, inodeCount };
}
