import {
  type ByteString,
  type ContentRef,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type FileInode,
  type Inode,
  OcirenderError,
  sortedChildren,
  type Tree,
  walkTree,
} from '@ocirender/interface';
import { planChunks } from './chunk-table.ts';
import { clusterIndexSize } from './cluster-index.ts';
import { type ContentTable, NO_TAIL, type Run } from './content-table.ts';
import { listingSize } from './directory.ts';
import { EpochFinder } from './epoch.ts';
import {
  LAYOUT,
  MAX_DEVICE_MAJOR,
  MAX_DEVICE_MINOR,
  MAX_NAME_LENGTH,
  MAX_SYMLINK_TARGET,
  MAX_XATTR_COUNT,
  SLOT_SIZE,
} from './format.ts';
import { findHardLinks, type HardLink } from './hard-links.ts';
import { inodeSize, type Time } from './inode.ts';
import { InodePacker } from './inode-packer.ts';
import { badDevice, badTarget, nameTooLong, tooManyXattrs } from './unrepresentable.ts';
import type { XattrTable } from './xattr-table.ts';

/** What a plan is made of. */
export interface TreePlanSetup {
  readonly blockSize: number;
  readonly contents: ContentTable;
  readonly xattrs: XattrTable;
  /** Bytes that are free behind the superblock in its block. */
  readonly headFree: number;
  /** The first block after the contents. */
  readonly firstBlock: number;
  /** The superblock's time; undefined = the most frequent one. */
  readonly epoch: Time | undefined;
  readonly diagnose: DiagnosticHandler;
}

/**
 * Says where each inode goes before any is written: listings name their children by place. Inodes are numbered level
 * by level, the names of a directory side by side in bytewise order; what is known of them is in typed arrays.
 */
export class TreePlan {
  readonly epoch: Time;
  readonly inodes: readonly Inode[];
  readonly packer: InodePacker;
  readonly links: ReadonlyMap<Inode, HardLink>;
  /** By inode: one of `LAYOUT`. */
  readonly layouts: Uint8Array;
  /** By inode: its slot, counted from the superblock's block as if the metadata blocks followed it. */
  readonly slots: Float64Array;
  /** By inode: the first of its blocks that are written with the tree; 0 = it has none. */
  readonly addresses: Uint32Array;
  /** By directory: the number of the one that holds it, and of its first child. */
  readonly parents: Uint32Array;
  readonly firstChildren: Uint32Array;
  readonly #setup: TreePlanSetup;
  readonly #tree: Tree;
  #nextBlock: number;
  #chunkFiles = 0;
  #compressedFiles = 0;

  constructor(tree: Tree, setup: TreePlanSetup) {
    this.#setup = setup;
    this.#tree = tree;
    this.#nextBlock = setup.firstBlock;
    const finder = new EpochFinder();
    const { links, inodes: count } = findHardLinks(tree, (inode) => {
      finder.add(inode);
      if (inode.xattrs.size === 0) return;
      setup.xattrs.count(inode.xattrs, (name) => this.#dropped(inode, name), inode === tree.root);
    });
    setup.xattrs.settle();
    this.links = links;
    this.epoch = setup.epoch ?? finder.result();
    this.packer = new InodePacker(setup.blockSize, setup.headFree);
    this.layouts = new Uint8Array(count);
    this.slots = new Float64Array(count);
    this.addresses = new Uint32Array(count);
    this.parents = new Uint32Array(count);
    this.firstChildren = new Uint32Array(count);
    const inodes: Inode[] = [tree.root];
    this.inodes = inodes;
    for (let number = 0; number < inodes.length; number++) this.#plan(inodes, number);
  }

  /** The first block after those that are written with the tree. */
  get endBlock(): number {
    return this.#nextBlock;
  }

  /** Number of files in several places. */
  get chunkFiles(): number {
    return this.#chunkFiles;
  }

  /** Number of files that are compressed. */
  get compressedFiles(): number {
    return this.#compressedFiles;
  }

  /** Number of links to an inode, which of a directory are counted from its subdirectories. */
  linksOf(inode: Inode): number {
    return inode.type === 'directory' ? 2 + subdirectories(inode) : (this.links.get(inode)?.count ?? 1);
  }

  /** The names of a directory in order, with the numbers of their inodes. */
  *children(number: number): Generator<[name: ByteString, child: number, inode: Inode]> {
    let next = this.firstChildren[number] as number;
    for (const [name, inode] of sortedChildren(this.inodes[number] as DirectoryInode)) {
      const link = inode.type === 'directory' ? undefined : this.links.get(inode);
      const elsewhere = link !== undefined && (link.directory !== number || link.name !== name);
      yield [name, elsewhere ? link.number : next++, inode];
    }
  }

  /** The blocks of a file, that of its tail among them when it is written with the tree. */
  *runs(number: number): Generator<Run> {
    const { content } = this.inodes[number] as FileInode;
    if (content === undefined) return;
    const { contents } = this.#setup;
    for (let i = 0; i < contents.runCount(content); i++) yield contents.run(content, i);
    const address = this.addresses[number] as number;
    if (address !== 0) yield { address, blocks: 1 };
  }

  #plan(inodes: Inode[], number: number): void {
    const inode = inodes[number] as Inode;
    if (inode.type === 'directory') {
      const size = listingSize(this.#expand(inodes, number, inode), this.#setup.blockSize);
      this.#placeFlat(number, inode, size, size % this.#setup.blockSize);
    } else if (inode.type === 'symlink') {
      const { length } = inode.target;
      if (length === 0 || length > MAX_SYMLINK_TARGET) throw badTarget(this.#pathOf(inode), length);
      this.#placeFlat(number, inode, length, length);
    } else if (inode.type === 'file' && inode.size > 0) {
      this.#planFile(number, inode);
    } else {
      if (inode.type === 'character-device' || inode.type === 'block-device') {
        const { devMajor, devMinor } = inode;
        if (devMajor > MAX_DEVICE_MAJOR || devMinor > MAX_DEVICE_MINOR)
          throw badDevice(this.#pathOf(inode), devMajor, devMinor);
      }
      this.#place(number, inode, 0, 0, LAYOUT.plain);
    }
  }

  /** Numbers a directory's children; gives the lengths of all its names in order. */
  *#expand(inodes: Inode[], number: number, directory: DirectoryInode): Generator<number> {
    this.firstChildren[number] = inodes.length;
    // Names sort before `.` and `..` too: `+x`, `-x`.
    const dots = ['.', '..'];
    for (const [name, inode] of sortedChildren(directory)) {
      while (dots.length > 0 && (dots[0] as string) < name) yield (dots.shift() as string).length;
      if (name.length === 0 || name.length > MAX_NAME_LENGTH)
        throw nameTooLong(this.#pathOf(inode), name.length);
      yield name.length;
      const link = inode.type === 'directory' ? undefined : this.links.get(inode);
      if (link !== undefined) {
        if (link.number >= 0) continue;
        Object.assign(link, { number: inodes.length, directory: number, name });
      }
      this.parents[inodes.length] = number;
      inodes.push(inode);
    }
    for (const dot of dots) yield dot.length;
  }

  #planFile(number: number, inode: FileInode): void {
    const { contents, blockSize } = this.#setup;
    const { size } = inode;
    const content = this.#contentOf(inode);
    if (contents.isCompressed(content)) {
      this.#compressedFiles++;
      const head = this.#headSize(inode, size);
      this.#place(number, inode, size, clusterIndexSize(head, size), LAYOUT.compressedFull);
      return;
    }
    const tail = contents.tailOf(content) === NO_TAIL ? 0 : size % blockSize;
    if (tail > 0 && this.#fits(inode, size, tail)) {
      this.#place(number, inode, size, tail, LAYOUT.inline);
      return;
    }
    if (tail > 0) this.addresses[number] = this.#nextBlock++;
    const parts = contents.runCount(content) + Number(tail > 0);
    if (parts === 1 && (tail > 0 || contents.isFlat(content))) {
      this.#place(number, inode, size, 0, LAYOUT.plain);
      return;
    }
    this.#chunkFiles++;
    const { entries } = planChunks(this.runs(number), blockSize);
    this.#place(number, inode, size, 4 * entries, LAYOUT.chunks);
  }

  #contentOf(inode: FileInode): ContentRef {
    const { contents } = this.#setup;
    const { size, content } = inode;
    const stored = content !== undefined && contents.has(content) ? contents.sizeOf(content) : undefined;
    if (content !== undefined && stored === size) return content;
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${displayPath(this.#pathOf(inode))}: a file of ${size} bytes has ` +
        (stored === undefined ? 'no stored content' : `a stored content of ${stored} bytes`),
    );
  }

  /** Places an inode whose data is written with the tree: its tail beside it when there is room. */
  #placeFlat(number: number, inode: Inode, size: number, tail: number): void {
    const { blockSize } = this.#setup;
    const inline = tail > 0 && this.#fits(inode, size, tail, number === 0);
    const blocks = inline ? Math.floor((size - tail) / blockSize) : Math.ceil(size / blockSize);
    if (blocks > 0) this.addresses[number] = this.#nextBlock;
    this.#nextBlock += blocks;
    this.#place(number, inode, size, inline ? tail : 0, inline ? LAYOUT.inline : LAYOUT.plain);
  }

  #fits(inode: Inode, size: number, tail: number, isRoot = false): boolean {
    const room = isRoot ? this.#setup.headFree : this.#setup.blockSize;
    return this.#headSize(inode, size) + tail <= room;
  }

  #headSize(inode: Inode, size: number): number {
    const xattrSize = this.#setup.xattrs.sizeOf(inode.xattrs);
    if (xattrSize / 4 - 2 > MAX_XATTR_COUNT) throw tooManyXattrs(this.#pathOf(inode), xattrSize);
    return inodeSize(inode, this.linksOf(inode), size, this.epoch) + xattrSize;
  }

  #place(number: number, inode: Inode, size: number, beside: number, layout: number): void {
    const head = this.#headSize(inode, size);
    if (number === 0 && head > this.#setup.headFree) throw tooManyXattrs('', head);
    const { block, offset } = this.packer.place(head + beside);
    this.layouts[number] = layout;
    this.slots[number] = ((block + 1) * this.#setup.blockSize + offset) / SLOT_SIZE;
  }

  #dropped(inode: Inode, name: ByteString): void {
    const path = this.#pathOf(inode);
    const message = `${displayPath(path)}: EROFS cannot hold the attribute ${displayPath(name)}`;
    this.#setup.diagnose({ code: 'xattr-dropped', message, path });
  }

  /** Finds a path again, for a message. */
  #pathOf(wanted: Inode): ByteString {
    for (const { path, inode } of walkTree(this.#tree)) if (inode === wanted) return path;
    return '';
  }
}

function subdirectories(directory: DirectoryInode): number {
  let count = 0;
  for (const child of directory.children.values()) if (child.type === 'directory') count++;
  return count;
}
