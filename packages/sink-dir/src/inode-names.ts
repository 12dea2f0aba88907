import { type ContentRef, type Inode, maybeLinked, type Tree } from '@ocirender/interface';

/** What must be known of a tree before the first name is made. */
export interface InodeNames {
  /** How many names an inode has; only those with several. */
  readonly counts: Map<Inode, number>;
  /** The inode that takes a content's file; null when several refer to it: each gets a copy. */
  readonly owners: readonly (Inode | null | undefined)[];
}

/** Counts the names of every inode that is not a directory. */
export function countNames(tree: Tree): InodeNames {
  const counts = new Map<Inode, number>();
  const owners: (Inode | null | undefined)[] = [];
  // An inode with content is found through that: a set of all of them would cost as much again as the tree.
  const others = new Set<Inode>();
  const pending = [tree.root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const inode of directory.children.values()) {
      if (inode.type === 'directory') {
        pending.push(inode);
        continue;
      }
      const ref: ContentRef | undefined = inode.type === 'file' ? inode.content : undefined;
      const owner = ref === undefined ? null : owners[ref];
      if (ref !== undefined && owner === undefined) owners[ref] = inode;
      else if (owner === inode || others.has(inode)) counts.set(inode, (counts.get(inode) ?? 1) + 1);
      else {
        if (maybeLinked(tree, inode)) others.add(inode);
        if (ref === undefined || !owner) continue;
        others.add(owner);
        owners[ref] = null;
      }
    }
  }
  return { counts, owners };
}
