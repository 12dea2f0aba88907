import {
  type ByteString,
  type ContentChunk,
  cutContent,
  type FileInode,
  type Image,
  type ImageNode,
  type ImageSource,
  type Inode,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type TimeRange,
  type Tree,
} from '@ocirender/interface';
import { contentPlace, type MergeLimits } from '@ocirender/overlay';
import { readAgain } from './content-run.ts';
import { MergedNode } from './merged-node.ts';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What a first merge gives. */
export interface MergedImage {
  readonly image: Image;
  readonly tree: Tree;
  readonly limits: Partial<MergeLimits>;
  /** Layers of which only the headers were known. */
  readonly unchecked: Set<number>;
  /** Gives the SHA-256 of a file that has a content, where it is known; absent when nobody wants them. */
  readonly digestOf?: (file: FileInode) => string | undefined;
  readonly facts: ImageSource['facts'];
}

/**
 * An OCI image, merged in memory: the tree is held, contents are read from the layers when they are asked for.
 */
export class MergedSource implements ImageSource {
  readonly format = 'oci';
  readonly facts: ImageSource['facts'];
  readonly times: TimeRange = { stepNs: 1 };
  readonly randomAccess = false;
  readonly root: MergedNode;
  readonly #merged: MergedImage;
  readonly #nodes = new Map<Inode, MergedNode>();

  /**
   * @param merged - what the merge gave
   */
  constructor(merged: MergedImage) {
    this.#merged = merged;
    this.facts = merged.facts;
    this.root = this.#node(merged.tree.root);
  }

  async children(directory: ImageNode): Promise<(readonly [ByteString, MergedNode])[]> {
    return [...childrenOf(directory)]
      .sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map(([name, inode]) => [name, this.#node(inode)] as const);
  }

  async lookup(directory: ImageNode, name: ByteString): Promise<MergedNode | undefined> {
    const inode = childrenOf(directory).get(name);
    return inode === undefined ? undefined : this.#node(inode);
  }

  async *content(file: ImageNode, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    const { start = 0, end = file.size, signal } = options;
    const last = Math.min(end, file.size);
    if (start >= last) return;
    for await (const { content } of this.contents([file], signal === undefined ? {} : { signal })) {
      yield* cutContent(content, start, last);
      return;
    }
  }

  async *contents(
    files: Iterable<ImageNode>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<NodeContent> {
    const wanted = new Map<number, Map<number, ImageNode>>();
    const empty = new Set<ImageNode>();
    for (const file of files) {
      const node = asFile(file);
      if (node.place === undefined) {
        empty.add(node);
        continue;
      }
      const { layer, record } = node.place;
      wanted.set(layer, (wanted.get(layer) ?? new Map<number, ImageNode>()).set(record, node));
    }
    for (const node of empty) yield { node, content: nothing() };
    const { image, limits, unchecked } = this.#merged;
    yield* readAgain({ layers: image.layers, limits, unchecked }, wanted, signal);
  }

  async close(): Promise<void> {
    await this.#merged.image.close?.();
  }

  #node(inode: Inode): MergedNode {
    let node = this.#nodes.get(inode);
    if (node === undefined) {
      node = new MergedNode(this.#nodes.size, inode, contentPlace(inode), this.#sha256(inode));
      this.#nodes.set(inode, node);
    }
    return node;
  }

  #sha256(inode: Inode): string | undefined {
    const { digestOf } = this.#merged;
    if (inode.type !== 'file' || digestOf === undefined) return undefined;
    return inode.content === undefined ? EMPTY_SHA256 : digestOf(inode);
  }
}

function childrenOf(directory: ImageNode): ReadonlyMap<ByteString, Inode> {
  if (directory instanceof MergedNode && directory.children !== undefined) return directory.children;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${directory.type} is no directory of this image`);
}

function asFile(node: ImageNode): MergedNode {
  if (node instanceof MergedNode && node.type === 'file') return node;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${node.type} has no contents`);
}

async function* nothing(): AsyncGenerator<ContentChunk> {}
