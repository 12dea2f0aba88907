import type { ByteString } from './byte-string.ts';
import type { DirectoryInode, Inode, Tree } from './tree.ts';

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
  return sortedNames(directory).map((name) => [name, directory.children.get(name)!]);
}

/** Characters are bytes, so that the order of strings is bytewise. */
function sortedNames(directory: DirectoryInode): ByteString[] {
  return [...directory.children.keys()].sort();
}

/**
 * Visits every name of a tree: a directory before its children, siblings in bytewise order, the root first.
 * Hard-linked inodes are visited once per name. Depth is bounded by memory, not by the call stack.
 *
 * @param tree - the tree
 * @returns an iterator over all names
 */
export function* walkTree(tree: Tree): Generator<TreeEntry> {
  const walk = new TreeWalk(tree);
  while (walk.next()) {
    const { path, name, inode, parent } = walk;
    yield { path, name, inode, parent };
  }
}

interface Frame {
  readonly parent: DirectoryInode;
  readonly prefix: ByteString;
  readonly names: readonly ByteString[];
  next: number;
}

/**
 * Visits the names of a tree as {@link walkTree} does, and makes no object for each: it is itself the entry at hand.
 * For trees of millions of names.
 */
export class TreeWalk implements TreeEntry {
  path: ByteString = '';
  name: ByteString = '';
  inode: Inode;
  parent: DirectoryInode;
  readonly #stack: Frame[] = [];
  #isBegun = false;

  /**
   * @param tree - the tree
   */
  constructor(tree: Tree) {
    this.inode = tree.root;
    this.parent = tree.root;
  }

  /**
   * Goes on to the next name; the first call to the root.
   *
   * @returns false when there is none
   */
  next(): boolean {
    if (!this.#isBegun) {
      this.#isBegun = true;
      return true;
    }
    // Its children may have changed since it was met.
    if (this.inode.type === 'directory') this.#enter(this.inode);
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      const name = top.names[top.next++];
      if (name === undefined) {
        this.#stack.pop();
        continue;
      }
      this.path = top.prefix + name;
      this.name = name;
      this.inode = top.parent.children.get(name)!;
      this.parent = top.parent;
      return true;
    }
    return false;
  }

  #enter(directory: DirectoryInode): void {
    const prefix = this.path === '' ? '' : `${this.path}/`;
    this.#stack.push({ parent: directory, prefix, names: sortedNames(directory), next: 0 });
  }
}
