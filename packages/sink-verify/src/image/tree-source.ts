import {
  type ByteString,
  type ContentChunk,
  type ContentRef,
  type ImageNode,
  type ImageSource,
  type Inode,
  type NodeContent,
  OcirenderError,
  sortedChildren,
  type TimeRange,
  type Tree,
} from '@ocirender/interface';

/** A tree in memory whose contents have been hashed and are gone. */
export class TreeSource implements ImageSource {
  readonly format = 'merged';
  readonly facts: ImageSource['facts'] = {};
  readonly times: TimeRange = { stepNs: 1 };
  readonly randomAccess = false;
  readonly root: ImageNode;
  readonly #digest: (content: ContentRef) => string;
  readonly #nodes = new Map<Inode, ImageNode>();
  readonly #inodes = new Map<ImageNode, Inode>();

  /**
   * @param tree - the tree
   * @param digest - gives the SHA-256 of a content in hexadecimal
   */
  constructor(tree: Tree, digest: (content: ContentRef) => string) {
    this.#digest = digest;
    this.root = this.#node(tree.root);
  }

  children(directory: ImageNode): Promise<readonly (readonly [ByteString, ImageNode])[]> {
    const inode = this.#inodes.get(directory);
    if (inode?.type !== 'directory') return Promise.resolve([]);
    return Promise.resolve(sortedChildren(inode).map(([name, child]) => [name, this.#node(child)]));
  }

  lookup(directory: ImageNode, name: ByteString): Promise<ImageNode | undefined> {
    const inode = this.#inodes.get(directory);
    const child = inode?.type === 'directory' ? inode.children.get(name) : undefined;
    return Promise.resolve(child === undefined ? undefined : this.#node(child));
  }

  content(): AsyncIterable<ContentChunk> {
    throw contentsAreGone();
  }

  contents(): AsyncIterable<NodeContent> {
    throw contentsAreGone();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #node(inode: Inode): ImageNode {
    const known = this.#nodes.get(inode);
    if (known !== undefined) return known;
    const { mode, uid, gid, mtime, mtimeNs, xattrs, type } = inode;
    const isDevice = type === 'character-device' || type === 'block-device';
    const content = type === 'file' ? inode.content : undefined;
    const node: ImageNode = {
      type,
      id: this.#nodes.size,
      size: type === 'file' ? inode.size : type === 'symlink' ? inode.target.length : 0,
      target: type === 'symlink' ? inode.target : '',
      devMajor: isDevice ? inode.devMajor : 0,
      devMinor: isDevice ? inode.devMinor : 0,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      xattrs,
      ...(content === undefined ? {} : { sha256: this.#digest(content) }),
    };
    this.#nodes.set(inode, node);
    this.#inodes.set(node, inode);
    return node;
  }
}

function contentsAreGone(): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    'the contents of this tree cannot be read: they were not kept',
  );
}
