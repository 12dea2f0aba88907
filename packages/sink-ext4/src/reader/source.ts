import {
  type ByteString,
  type ContentChunk,
  displayPath,
  FormatError,
  type ImageNode,
  type ImageSource,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type TimeRange,
  throwIfAborted,
  type Xattrs,
} from '@ocirender/interface';
import { FIRST_INODE, MAX_FILE_BLOCKS, MAX_TIME, MIN_TIME, OLD_INODE_SIZE, ROOT_INODE } from '../format.ts';
import { LOST_AND_FOUND } from '../tree-plan.ts';
import { BlockMapper } from './block-mapper.ts';
import { type ContentSetup, type ReadBytes, readContent, readingAhead } from './content-reader.ts';
import { DirectoryReader } from './directory-reader.ts';
import type { ImageFile } from './image-file.ts';
import { hasFlag, InodeReader, type RawInode } from './read-inode.ts';
import { featureNames, type ReadSuperblock } from './read-superblock.ts';
import { INLINE_DATA, MAX_VALUE, readXattrs } from './read-xattrs.ts';
import { deviceOf, isShortLink, MAX_TARGET } from './special-inodes.ts';

/** An ext2, ext3 or ext4 filesystem that is open for reading. */
export class Ext4Source implements ImageSource {
  readonly format = 'ext4';
  readonly facts: ImageSource['facts'];
  readonly times: TimeRange;
  readonly randomAccess = true;
  root!: ImageNode;
  readonly #file: ImageFile;
  readonly #superblock: ReadSuperblock;
  readonly #inodes: InodeReader;
  readonly #mapper: BlockMapper;
  readonly #directories: DirectoryReader;
  /** Whether the root holds the filesystem's own `lost+found`, which is no part of the tree. */
  #hidesLostAndFound = false;

  private constructor(file: ImageFile, superblock: ReadSuperblock) {
    this.#file = file;
    this.#superblock = superblock;
    this.#inodes = new InodeReader(file, superblock);
    this.#mapper = new BlockMapper(file, superblock);
    this.#directories = new DirectoryReader(superblock.blockSize, (inode) =>
      this.#read(inode, 0, inode.size),
    );
    const wide = superblock.inodeSize > OLD_INODE_SIZE;
    this.times = wide
      ? { stepNs: 1, minimum: MIN_TIME, maximum: MAX_TIME }
      : { stepNs: 1_000_000_000, minimum: MIN_TIME, maximum: 2 ** 31 - 1 };
    const { label, uuid, blockSize, blocks, freeBlocks, inodes, freeInodes } = superblock;
    this.facts = {
      label: displayPath(label),
      uuid,
      features: featureNames(superblock),
      blockSize,
      blocks,
      freeBlocks,
      inodes,
      freeInodes,
      inodeSize: superblock.inodeSize,
    };
  }

  /**
   * Opens a filesystem.
   *
   * @param file - the image; closed by {@link close}
   * @param superblock - its superblock
   */
  static async open(file: ImageFile, superblock: ReadSuperblock): Promise<Ext4Source> {
    const source = new Ext4Source(file, superblock);
    const root = await source.#inodes.read(ROOT_INODE, 0);
    if (root.type !== 'directory') throw new FormatError('the root is not a directory', root.position);
    source.#hidesLostAndFound = await source.#findLostAndFound(root);
    const node = await source.#nodeOf(root);
    source.root = source.#hidesLostAndFound ? { ...node, links: Math.max(0, root.links - 1) } : node;
    return source;
  }

  async children(directory: ImageNode): Promise<(readonly [ByteString, ImageNode])[]> {
    const raw = await this.#directory(directory);
    const children: (readonly [ByteString, ImageNode])[] = [];
    for (const [name, number] of await this.#directories.sorted(raw)) {
      if (!this.#isHidden(raw, name)) children.push([name, await this.#child(raw, name, number)]);
    }
    return children;
  }

  async lookup(directory: ImageNode, name: ByteString): Promise<ImageNode | undefined> {
    const raw = await this.#directory(directory);
    const number = (await this.#directories.names(raw)).get(name);
    return number === undefined || this.#isHidden(raw, name) ? undefined : this.#child(raw, name, number);
  }

  async *content(file: ImageNode, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    const start = Math.max(options.start ?? 0, 0);
    const end = Math.min(options.end ?? file.size, file.size);
    yield* this.#read(await this.#inodes.read(file.id, 0), start, end, options.signal);
  }

  async *contents(
    files: Iterable<ImageNode>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<NodeContent> {
    const placed: { readonly node: ImageNode; readonly block: number }[] = [];
    for (const node of files) {
      throwIfAborted(options.signal);
      placed.push({ node, block: await this.#firstBlock(node) });
    }
    placed.sort((a, b) => a.block - b.block || a.node.id - b.node.id);
    const read = readingAhead(this.#file);
    for (const { node } of placed) {
      throwIfAborted(options.signal);
      const inode = await this.#inodes.read(node.id, 0);
      yield { node, content: this.#read(inode, 0, node.size, options.signal, read) };
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Where a file begins in the image: what its first extent, or the first block of its tree, says. */
  async #firstBlock(node: ImageNode): Promise<number> {
    const inode = await this.#inodes.read(node.id, 0);
    if (node.size === 0 || hasFlag(inode, 'inlineData')) return 0;
    const at = hasFlag(inode, 'extents') ? (inode.block.readUInt16LE(6) === 0 ? 20 : 16) : 0;
    return inode.block.readUInt32LE(at);
  }

  #isHidden(directory: RawInode, name: ByteString): boolean {
    return this.#hidesLostAndFound && directory.number === ROOT_INODE && name === LOST_AND_FOUND;
  }

  async #findLostAndFound(root: RawInode): Promise<boolean> {
    const number = (await this.#directories.names(root)).get(LOST_AND_FOUND);
    if (number !== FIRST_INODE) return false;
    const inode = await this.#inodes.read(number, root.position);
    return inode.type === 'directory' && (await this.#directories.names(inode)).size === 0;
  }

  async #directory({ id, type }: ImageNode): Promise<RawInode> {
    const inode = await this.#inodes.read(id, 0);
    if (type === 'directory' && inode.type === 'directory') return inode;
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `inode ${id} is not a directory`);
  }

  async #child(parent: RawInode, name: ByteString, number: number): Promise<ImageNode> {
    const inode = await this.#inodes.read(number, parent.position);
    if (inode.type === 'directory') this.#directories.adopt(parent, name, inode);
    return this.#nodeOf(inode);
  }

  async #nodeOf(inode: RawInode): Promise<ImageNode> {
    const { type, mode, uid, gid, mtime, mtimeNs, links } = inode;
    const all = await this.#xattrs(inode);
    let xattrs = all;
    if (all.has(INLINE_DATA)) xattrs = new Map([...all].filter(([name]) => name !== INLINE_DATA));
    const isDevice = type === 'character-device' || type === 'block-device';
    const target = type === 'symlink' ? await this.#target(inode) : '';
    const size = type === 'file' ? inode.size : target.length;
    if (size > (MAX_FILE_BLOCKS + 1) * this.#superblock.blockSize)
      throw new FormatError(`inode ${inode.number}: a file of ${size} bytes`, inode.position);
    const device = isDevice ? deviceOf(inode) : { devMajor: 0, devMinor: 0 };
    return { id: inode.number, type, mode, uid, gid, mtime, mtimeNs, links, size, target, ...device, xattrs };
  }

  async #target(inode: RawInode): Promise<ByteString> {
    if (inode.size > MAX_TARGET || inode.size === 0)
      throw new FormatError(`inode ${inode.number}: a link target of ${inode.size} bytes`, inode.position);
    const bytes = isShortLink(inode) ? inode.block.subarray(0, inode.size) : await this.#bytesOf(inode);
    return bytes.toString('latin1');
  }

  async #xattrs(inode: RawInode): Promise<Xattrs> {
    const { blockSize, blocks } = this.#superblock;
    let block: { bytes: Buffer; position: number } | undefined;
    if (inode.xattrBlock !== 0) {
      if (inode.xattrBlock >= blocks)
        throw new FormatError(
          `inode ${inode.number}: attributes at block ${inode.xattrBlock}`,
          inode.position,
        );
      const position = inode.xattrBlock * blockSize;
      block = { bytes: await this.#file.read(position, blockSize), position };
    }
    return readXattrs(inode, block, (number, size, from) => this.#xattrValue(number, size, from));
  }

  async #xattrValue(number: number, size: number, from: number): Promise<Buffer> {
    const inode = await this.#inodes.read(number, from);
    if (
      hasFlag(inode, 'eaInode') &&
      inode.size === size &&
      size <= MAX_VALUE &&
      !hasFlag(inode, 'inlineData')
    )
      return this.#bytesOf(inode);
    throw new FormatError(`inode ${number} is not an attribute value of ${size} bytes`, from);
  }

  #read(
    inode: RawInode,
    start: number,
    end: number,
    signal?: AbortSignal,
    read: ReadBytes = (position, length) => this.#file.read(position, length),
  ): AsyncGenerator<ContentChunk> {
    const setup: ContentSetup = {
      mapper: this.#mapper,
      blockSize: this.#superblock.blockSize,
      read,
      inlineRest: async (of) => (await this.#xattrs(of)).get(INLINE_DATA),
      signal,
    };
    return readContent(inode, start, end, setup);
  }

  /** Bytes of what is small: the caller has checked the size. */
  async #bytesOf(inode: RawInode): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of this.#read(inode, 0, inode.size))
      pieces.push(chunk instanceof Uint8Array ? chunk : new Uint8Array(chunk.hole));
    return Buffer.concat(pieces);
  }
}
