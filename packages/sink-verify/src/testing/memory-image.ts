import {
  type ByteString,
  type ContentChunk,
  type ImageNode,
  type ImageSource,
  NO_XATTRS,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type TimeRange,
} from '@ocirender/interface';

/** One inode of a test image. The same object under several names is one inode. */
export interface MemoryInode {
  type: ImageNode['type'];
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  xattrs: Map<ByteString, Uint8Array>;
  target: ByteString;
  devMajor: number;
  devMinor: number;
  content: Uint8Array;
  links?: number;
}

/** A test image: inodes by path; parents come with their own paths, the root is ''. */
export type MemoryTree = Map<ByteString, MemoryInode>;

/** Gives an inode with everything at its plainest. */
export function inode(type: ImageNode['type'], given: Partial<MemoryInode> = {}): MemoryInode {
  return {
    type,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    mtimeNs: 0,
    xattrs: new Map(),
    target: '',
    devMajor: 0,
    devMinor: 0,
    content: new Uint8Array(),
    ...given,
  };
}

/** Copies a tree; names that share an inode share its copy. */
export function copyTree(tree: MemoryTree): MemoryTree {
  const copies = new Map<MemoryInode, MemoryInode>();
  return new Map(
    [...tree].map(([path, original]) => {
      const copy = copies.get(original) ?? { ...original, xattrs: new Map(original.xattrs) };
      copies.set(original, copy);
      return [path, copy];
    }),
  );
}

/** What a form of an image can do. */
export interface MemoryOptions {
  readonly times?: TimeRange;
  readonly randomAccess?: boolean;
  /** Bytes of a chunk. */
  readonly chunk?: number;
  /** Give runs of zeros of at least this many bytes as holes. */
  readonly holes?: number;
  /** Contents come in reverse order. */
  readonly reverse?: boolean;
  /** First number of inodes. */
  readonly firstId?: number;
  /** Path whose contents cannot be read. */
  readonly broken?: ByteString;
  /** Directories that may not be listed. */
  readonly locked?: readonly ByteString[];
}

/** An image in memory. */
export class MemoryImage implements ImageSource {
  readonly format = 'memory';
  readonly facts: ImageSource['facts'] = {};
  readonly times: TimeRange;
  readonly randomAccess: boolean;
  readonly root: ImageNode;
  /** How often `close` was called. */
  closed = 0;
  /** Passes of `contents`. */
  passes = 0;
  readonly #options: MemoryOptions;
  readonly #nodes = new Map<MemoryInode, ImageNode>();
  readonly #inodes = new Map<number, MemoryInode>();
  readonly #children = new Map<number, [ByteString, ImageNode][]>();
  readonly #brokenInode: MemoryInode | undefined;
  readonly #locked: ReadonlySet<MemoryInode>;

  constructor(tree: MemoryTree, options: MemoryOptions = {}) {
    this.#options = options;
    this.times = options.times ?? { stepNs: 1 };
    this.randomAccess = options.randomAccess ?? true;
    this.#brokenInode = options.broken === undefined ? undefined : tree.get(options.broken);
    this.#locked = new Set(options.locked?.map((path) => tree.get(path)!));
    this.root = this.#node(tree.get('')!);
    for (const [path, child] of tree) {
      if (path === '') continue;
      const slash = path.lastIndexOf('/');
      const parent = this.#node(tree.get(path.slice(0, Math.max(0, slash)))!);
      const siblings = this.#children.get(parent.id) ?? [];
      this.#children.set(parent.id, siblings);
      siblings.push([path.slice(slash + 1), this.#node(child)]);
    }
    for (const siblings of this.#children.values()) siblings.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  #node(from: MemoryInode): ImageNode {
    const known = this.#nodes.get(from);
    if (known !== undefined) return known;
    const { content, xattrs, ...rest } = from;
    const size = from.type === 'file' ? content.length : from.target.length;
    const id = (this.#options.firstId ?? 1) + this.#nodes.size;
    const node: ImageNode = { ...rest, xattrs: xattrs.size === 0 ? NO_XATTRS : xattrs, id, size };
    this.#nodes.set(from, node);
    this.#inodes.set(id, from);
    return node;
  }

  children(directory: ImageNode): Promise<readonly (readonly [ByteString, ImageNode])[]> {
    if (this.#locked.has(this.#inodes.get(directory.id)!)) {
      const cause = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      return Promise.reject(new OcirenderError('ERR_OCIRENDER_IO', 'it cannot be read', { cause }));
    }
    return Promise.resolve(this.#children.get(directory.id) ?? []);
  }

  lookup(directory: ImageNode, name: ByteString): Promise<ImageNode | undefined> {
    return Promise.resolve(this.#children.get(directory.id)?.find((pair) => pair[0] === name)?.[1]);
  }

  async *content(file: ImageNode, { start = 0, end }: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    const found = this.#inodes.get(file.id)!;
    if (found === this.#brokenInode) throw new OcirenderError('ERR_OCIRENDER_IO', 'the disk is on fire');
    const bytes = found.content.subarray(start, end);
    const { chunk = 1000, holes = Number.POSITIVE_INFINITY } = this.#options;
    // One array for all chunks: whoever keeps one sees it change.
    const shared = new Uint8Array(chunk);
    for (let at = 0; at < bytes.length; ) {
      let zeros = 0;
      if (Number.isFinite(holes)) while (at + zeros < bytes.length && bytes[at + zeros] === 0) zeros++;
      if (zeros >= holes) {
        yield { hole: zeros };
        at += zeros;
        continue;
      }
      const part = bytes.subarray(at, at + chunk);
      shared.set(part);
      yield shared.subarray(0, part.length);
      at += part.length;
    }
  }

  async *contents(files: Iterable<ImageNode>): AsyncGenerator<NodeContent> {
    this.passes++;
    const nodes = [...files];
    if (this.#options.reverse === true) nodes.reverse();
    for (const node of nodes) yield { node, content: this.content(node) };
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}
