import {
  type ByteString,
  type DirectoryInode,
  type Inode,
  maybeLinked,
  type Tree,
} from '@ocirender/interface';

/** An inode with several names. */
export interface HardLink {
  /** How many names. */
  count: number;
  /** Its number among all inodes; -1 until the first of its names is met. */
  number: number;
  /** Where it was met first: the number of the directory, and the name. */
  directory: number;
  name: ByteString;
}

/**
 * Visits every inode once, in no order, and finds those with several names.
 *
 * @param tree - the tree
 * @param visit - called for each inode
 * @returns the shared inodes, and how many inodes there are, the root included
 */
export function findHardLinks(
  tree: Tree,
  visit: (inode: Inode) => void,
): { links: Map<Inode, HardLink>; inodes: number } {
  const seen = new Set<Inode>();
  const links = new Map<Inode, HardLink>();
  const pending: DirectoryInode[] = [tree.root];
  let inodes = 0;
  const once = (inode: Inode): void => {
    inodes++;
    visit(inode);
  };
  once(tree.root);
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const inode of directory.children.values()) {
      if (inode.type === 'directory') {
        pending.push(inode);
        once(inode);
        continue;
      }
      if (seen.has(inode)) {
        const link = links.get(inode);
        if (link === undefined) links.set(inode, { count: 2, number: -1, directory: -1, name: '' });
        else link.count++;
        continue;
      }
      if (maybeLinked(tree, inode)) seen.add(inode);
      once(inode);
    }
  }
  return { links, inodes };
}
