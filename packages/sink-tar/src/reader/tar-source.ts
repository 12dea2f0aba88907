import {
  type ByteString,
  type ContentChunk,
  cutContent,
  type ImageNode,
  type ImageSource,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type TimeRange,
} from '@ocirender/interface';
import type { ArchiveFile } from './archive-file.ts';
import { compressedContents } from './compressed-contents.ts';
import type { TarArchiveLimits } from './limits.ts';
import { PlainContents } from './plain-contents.ts';
import type { ScannedArchive } from './scan-archive.ts';
import { TarDirectory, TarNode } from './tar-node.ts';

/** A tar, read as the root file system that it extracts to. */
export class TarSource implements ImageSource {
  readonly format = 'tar';
  readonly facts: ImageSource['facts'];
  readonly times: TimeRange = { stepNs: 1 };
  readonly randomAccess: boolean;
  readonly root: TarDirectory;
  readonly #file: ArchiveFile;
  readonly #limits: TarArchiveLimits;

  /**
   * @param file - stays open until {@link close}
   * @param scanned - what it holds
   * @param limits - for reading it again
   */
  constructor(file: ArchiveFile, { tree, tarBytes }: ScannedArchive, limits: TarArchiveLimits) {
    this.#file = file;
    this.#limits = limits;
    this.root = tree.root;
    this.randomAccess = file.isPlain;
    this.facts = {
      compression: file.compression,
      bytes: file.size,
      tarBytes,
      members: tree.members,
      rootEntry: tree.hasRootEntry,
    };
  }

  children(directory: ImageNode): Promise<readonly (readonly [ByteString, TarNode])[]> {
    return this.#in(directory, ({ children }) => [...children].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }

  lookup(directory: ImageNode, name: ByteString): Promise<TarNode | undefined> {
    return this.#in(directory, ({ children }) => children.get(name));
  }

  async *content(file: ImageNode, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    const node = asFile(file);
    const { start = 0, end = node.size, signal } = options;
    const last = Math.min(end, node.size);
    if (start >= last) return;
    if (this.randomAccess) {
      yield* new PlainContents(this.#file, signal).read(node, start, last);
      return;
    }
    for await (const { content } of compressedContents(this.#file, [node], this.#limits, signal)) {
      yield* cutContent(content, start, last);
      return;
    }
  }

  contents(
    files: Iterable<ImageNode>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<NodeContent> {
    const nodes = new Set<TarNode>();
    for (const file of files) nodes.add(asFile(file));
    if (this.randomAccess) return new PlainContents(this.#file, signal).readAll(nodes);
    return compressedContents(this.#file, nodes, this.#limits, signal);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #in<T>(directory: ImageNode, use: (directory: TarDirectory) => T): Promise<T> {
    if (directory instanceof TarDirectory) return use(directory);
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${directory.type} of a tar is no directory of it`);
  }
}

function asFile(node: ImageNode): TarNode {
  if (node instanceof TarNode && node.type === 'file') return node;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${node.type} has no contents`);
}
