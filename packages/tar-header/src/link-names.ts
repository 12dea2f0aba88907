import { type ByteString, type Inode, maybeLinked, type Tree } from '@ocirender/interface';

/** Remembers the first name of each inode that may get another. */
export class LinkNames {
  readonly #tree: Tree;
  readonly #names = new Map<Inode, ByteString>();

  /**
   * @param tree - the tree that the inodes are of
   */
  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** The name to link to; undefined when there is none yet. */
  get(inode: Inode): ByteString | undefined {
    return this.#names.get(inode);
  }

  /** Notes the first name of an inode. */
  add(inode: Inode, path: ByteString): void {
    if (maybeLinked(this.#tree, inode)) this.#names.set(inode, path);
  }
}
