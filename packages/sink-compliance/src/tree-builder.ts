import {
  type ByteString,
  type DirectoryInode,
  type FileInode,
  type Inode,
  type Metadata,
  NO_XATTRS,
  type Tree,
} from '@ocirender/interface';
import type { ContentSource } from './content-source.ts';

/** A tree whose contents have yet to be written. */
export interface PlannedTree {
  readonly tree: Tree;
  /** One for each regular file with contents, in the order in which they are to be written. */
  readonly contents: readonly PlannedContent[];
}

/** One content to be written. */
export interface PlannedContent {
  readonly source: ContentSource;
  /** Its inode, whose `content` is set when the content is written; undefined for contents that stay unused. */
  readonly inode: FileInode | undefined;
  /** The name under which it is announced: one of its inode's. */
  readonly path: ByteString;
  readonly metadata: Metadata;
}

type Partially = Partial<Metadata>;

/** Builds trees by path. Parents that are missing are made as 0755 directories. */
export class TreeBuilder {
  private readonly root: DirectoryInode;
  private readonly contents: PlannedContent[] = [];

  /**
   * @param root - metadata of the root; 0755, 0:0 and the epoch where left out
   */
  constructor(root: Partially = {}) {
    this.root = { ...complete(root, 0o755), type: 'directory', children: new Map() };
  }

  /**
   * Adds a directory, or sets the metadata of one that was made as a missing parent.
   *
   * @param path - from the root
   * @param metadata - what differs from 0755, 0:0, the epoch
   * @returns the builder
   */
  directory(path: ByteString, metadata: Partially = {}): this {
    const { parent, name } = this.locate(path);
    const existing = parent.children.get(name);
    const children = existing?.type === 'directory' ? existing.children : new Map<ByteString, Inode>();
    return this.add(path, { ...complete(metadata, 0o755), type: 'directory', children });
  }

  /**
   * Adds a regular file.
   *
   * @param path - from the root
   * @param source - its contents; undefined for an empty file
   * @param metadata - what differs from 0644, 0:0, the epoch
   * @returns the builder
   */
  file(path: ByteString, source?: ContentSource, metadata: Partially = {}): this {
    const size = source?.size ?? 0;
    const meta = complete(metadata, 0o644);
    const extents = source?.extents === undefined ? {} : { extents: source.extents };
    const inode: FileInode = { ...meta, type: 'file', size, content: undefined, ...extents };
    if (source !== undefined && size > 0) this.contents.push({ source, inode, path, metadata: meta });
    return this.add(path, inode);
  }

  /**
   * Adds a symbolic link.
   *
   * @param path - from the root
   * @param target - its target
   * @param metadata - what differs from 0777, 0:0, the epoch
   * @returns the builder
   */
  symlink(path: ByteString, target: ByteString, metadata: Partially = {}): this {
    return this.add(path, { ...complete(metadata, 0o777), type: 'symlink', target });
  }

  /**
   * Adds a device.
   *
   * @param path - from the root
   * @param type - which kind
   * @param devMajor - major number
   * @param devMinor - minor number
   * @param metadata - what differs from 0600, 0:0, the epoch
   * @returns the builder
   */
  device(
    path: ByteString,
    type: 'character-device' | 'block-device',
    devMajor: number,
    devMinor: number,
    metadata: Partially = {},
  ): this {
    return this.add(path, { ...complete(metadata, 0o600), type, devMajor, devMinor });
  }

  /**
   * Adds a FIFO or a socket.
   *
   * @param path - from the root
   * @param type - which kind
   * @param metadata - what differs from 0644, 0:0, the epoch
   * @returns the builder
   */
  special(path: ByteString, type: 'fifo' | 'socket', metadata: Partially = {}): this {
    return this.add(path, { ...complete(metadata, 0o644), type });
  }

  /**
   * Adds another name of an inode.
   *
   * @param path - the new name
   * @param existing - a name that was added before, not a directory
   * @returns the builder
   */
  link(path: ByteString, existing: ByteString): this {
    const { parent, name } = this.locate(existing);
    const inode = parent.children.get(name);
    if (inode === undefined || inode.type === 'directory') throw new Error(`cannot link to ${existing}`);
    return this.add(path, inode);
  }

  /**
   * Adds a content that no inode uses: a sink with `placement: 'any'` stores it in vain.
   *
   * @param path - the name under which it is announced
   * @param source - the contents
   * @returns the builder
   */
  unused(path: ByteString, source: ContentSource): this {
    this.contents.push({ source, inode: undefined, path, metadata: complete({}, 0o644) });
    return this;
  }

  /**
   * Gives the tree.
   *
   * @returns tree and contents, for one session only: writing sets the inodes' content references
   */
  build(): PlannedTree {
    return { tree: { root: this.root }, contents: this.contents };
  }

  private add(path: ByteString, inode: Inode): this {
    const { parent, name } = this.locate(path);
    parent.children.set(name, inode);
    return this;
  }

  private locate(path: ByteString): { parent: DirectoryInode; name: ByteString } {
    const names = path.split('/');
    let parent = this.root;
    for (const name of names.slice(0, -1)) {
      let next = parent.children.get(name);
      if (next === undefined) {
        next = { ...complete({}, 0o755), type: 'directory', children: new Map() };
        parent.children.set(name, next);
      }
      if (next.type !== 'directory') throw new Error(`${name} in ${path} is no directory`);
      parent = next;
    }
    return { parent, name: names.at(-1)! };
  }
}

function complete(metadata: Partially, mode: number): Metadata {
  return { mode, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: NO_XATTRS, ...metadata };
}
