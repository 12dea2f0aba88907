import {
  type ByteString,
  bytesToByteString,
  type ContentChunk,
  displayPath,
  FormatError,
  type ImageNode,
  type ImageSource,
  isHole,
  type NodeContent,
  type ReadOptions,
  throwIfAborted,
} from '@ocirender/interface';
import { LAYOUT } from '../format.ts';
import { readCompressed } from './compressed-content.ts';
import { readPlain } from './file-content.ts';
import { ImageFile } from './image-file.ts';
import { type ErofsNode, readInode } from './inode.ts';
import { type Dirent, readListingBlock } from './listing.ts';
import { type ReadSuperblock, readSuperblock } from './superblock.ts';

/** An open EROFS image. */
export class ErofsImage implements ImageSource {
  readonly format = 'erofs';
  readonly times = { stepNs: 1 } as const;
  readonly randomAccess = true;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly root: ErofsNode;
  readonly #file: ImageFile;
  readonly #superblock: ReadSuperblock;
  /** Where each directory was found: a directory has one name, else a walk would not end. */
  readonly #names = new Map<number, { readonly parent: number; readonly name: ByteString }>();

  private constructor(file: ImageFile, superblock: ReadSuperblock, root: ErofsNode) {
    this.#file = file;
    this.#superblock = superblock;
    this.root = root;
    const { blockSize, blocks, inodes, uuid, label } = superblock;
    this.facts = { blockSize, blocks, inodes, uuid, label };
  }

  /**
   * Opens an image.
   *
   * @param path - a file
   * @throws {FormatError} when it is not an EROFS image or damaged
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
   */
  static async open(path: string): Promise<ErofsImage> {
    const file = await ImageFile.open(path);
    try {
      const superblock = await readSuperblock(file);
      const root = await readInode(file, superblock, superblock.rootNid);
      if (root.type !== 'directory')
        throw new FormatError(`the root is a ${root.type}`, superblock.metaStart);
      return new ErofsImage(file, superblock, root);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async children(directory: ImageNode): Promise<(readonly [name: ByteString, node: ErofsNode])[]> {
    const found: (readonly [ByteString, ErofsNode])[] = [];
    for await (const entries of this.#listing(this.#own(directory))) {
      for (const entry of entries) found.push([entry.name, await this.#node(directory, entry)]);
    }
    return found;
  }

  async lookup(directory: ImageNode, name: ByteString): Promise<ErofsNode | undefined> {
    for await (const entries of this.#listing(this.#own(directory))) {
      const last = entries.at(-1);
      if (last === undefined || last.name < name) continue;
      const entry = entries.find((candidate) => candidate.name === name);
      return entry === undefined ? undefined : this.#node(directory, entry);
    }
    return undefined;
  }

  content(file: ImageNode, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    return this.#data(this.#own(file), options);
  }

  async *contents(
    files: Iterable<ImageNode>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<NodeContent> {
    for (const node of files) {
      throwIfAborted(options.signal);
      yield { node, content: this.content(node, options) };
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Our nodes carry more than the interface tells. */
  #own(node: ImageNode): ErofsNode {
    return node as ErofsNode;
  }

  #data(node: ErofsNode, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    if (node.layout === LAYOUT.compressedFull || node.layout === LAYOUT.compressedCompact)
      return readCompressed(this.#file, this.#superblock, node, options);
    return readPlain(this.#file, this.#superblock, node, options);
  }

  async *#listing(directory: ErofsNode): AsyncGenerator<Dirent[]> {
    const { blockSize } = this.#superblock;
    const where = `directory ${directory.id}`;
    let last: ByteString | undefined;
    for (let start = 0; start < directory.dataSize; start += blockSize) {
      const size = Math.min(blockSize, directory.dataSize - start);
      const block = await this.#bytes(directory, start, start + size);
      const entries = readListingBlock(block, where, start, last);
      last = entries.at(-1)?.name;
      yield entries.filter(({ name }) => name !== '.' && name !== '..');
    }
  }

  async #node(directory: ImageNode, { name, nid }: Dirent): Promise<ErofsNode> {
    const node = await readInode(this.#file, this.#superblock, nid);
    if (node.type === 'symlink') {
      return { ...node, target: bytesToByteString(await this.#bytes(node, 0, node.dataSize)) };
    }
    if (node.type !== 'directory') return node;
    const known = this.#names.get(nid);
    if (known === undefined) this.#names.set(nid, { parent: directory.id, name });
    if (
      nid === this.#superblock.rootNid ||
      (known !== undefined && (known.parent !== directory.id || known.name !== name))
    ) {
      const message = `directory ${nid} has a second name, ${displayPath(name)} in directory ${directory.id}`;
      throw new FormatError(message, node.beside);
    }
    return node;
  }

  /** Reads a few bytes of a listing or a target. */
  async #bytes(node: ErofsNode, start: number, end: number): Promise<Uint8Array> {
    const bytes = Buffer.alloc(end - start);
    let at = 0;
    for await (const chunk of this.#data(node, { start, end })) {
      if (!isHole(chunk)) bytes.set(chunk, at);
      at += isHole(chunk) ? chunk.hole : chunk.length;
    }
    return bytes;
  }
}
