import {
  type ByteString,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type Inode,
  type Metadata,
  type Tree,
  walkTree,
} from '@ocirender/interface';
import { MAX_TIME } from './format.ts';
import { storableXattr } from './storable-xattr.ts';

/** Reduces metadata to what squashfs holds before an external program sees it and gives up, or guesses. */
export class MetadataNarrower {
  readonly #diagnose: DiagnosticHandler;

  /**
   * @param diagnose - told what {@link tree} takes away
   */
  constructor(diagnose: DiagnosticHandler) {
    this.#diagnose = diagnose;
  }

  /**
   * @param metadata - of any inode
   * @returns whole seconds from 1970 to 2106, and the attributes that squashfs has a prefix for
   */
  metadata(metadata: Metadata): Metadata {
    const { mode, uid, gid } = metadata;
    const mtime = Math.min(Math.max(metadata.mtime, 0), MAX_TIME);
    const xattrs = new Map(
      [...metadata.xattrs].filter(([name, value]) => storableXattr(name, value) !== undefined),
    );
    return { mode, uid, gid, mtime, mtimeNs: 0, xattrs };
  }

  /**
   * Copies a tree with its metadata reduced; hard links stay hard links.
   *
   * @param tree - the final tree
   * @returns the copy
   */
  tree(tree: Tree): Tree {
    const copies = new Map<Inode, Inode>();
    for (const { path, inode, name, parent } of walkTree(tree)) {
      let copy = copies.get(inode);
      if (copy === undefined) {
        copy = { ...inode, ...this.metadata(inode) };
        if (copy.type === 'directory') copy = { ...copy, children: new Map() };
        copies.set(inode, copy);
        this.#report(path, inode, copy);
      }
      if (path !== '') (copies.get(parent) as DirectoryInode).children.set(name, copy);
    }
    const root = copies.get(tree.root) as DirectoryInode;
    if (tree.linked === undefined) return { root };
    // What was linked once may have lost all its names since.
    const linked = [...tree.linked].map((inode) => copies.get(inode)).filter((copy) => copy !== undefined);
    return { root, linked: new Set(linked) };
  }

  #report(path: ByteString, inode: Inode, copy: Inode): void {
    const shown = displayPath(path);
    if (copy.mtime !== inode.mtime) {
      const message = `${shown}: mtime ${inode.mtime} is outside of what squashfs holds, stored as ${copy.mtime}`;
      this.#diagnose({ code: 'time-clamped', message, path });
    }
    for (const [name, value] of inode.xattrs) {
      if (storableXattr(name, value) !== undefined) continue;
      const message = `${shown}: squashfs cannot hold the attribute ${displayPath(name)}`;
      this.#diagnose({ code: 'xattr-dropped', message, path });
    }
  }
}
