import type { Inode } from '@ocirender/interface';
import type { Checksums } from './checksums.ts';
import type { DirectoryStore, StoredDirectory } from './directory-store.ts';
import { encodeExtentTree, type TreeBlock } from './extent-tree.ts';
import { INODE_BLOCK_SIZE, INODE_FLAG, MAX_TIME, MIN_TIME, MODE } from './format.ts';
import type { InodeFields } from './inode.ts';
import type { InodePlace } from './place-table.ts';
import type { SettledContents } from './settled-contents.ts';
import type { PlannedInode } from './tree-plan.ts';
import { type EncodedXattrs, encodeXattrs } from './xattr.ts';

const EMPTY = new Uint8Array(INODE_BLOCK_SIZE);
const NO_XATTRS: EncodedXattrs = {};

/** Writes the blocks that belong to inodes, and makes the inodes that point to them. */
export class InodeBuilder {
  readonly #blockSize: number;
  readonly #checksums: Checksums;
  readonly #contents: SettledContents;
  readonly #directories: DirectoryStore;
  readonly #put: (block: number, bytes: Uint8Array) => Promise<void>;

  /**
   * @param blockSize - bytes
   * @param checksums - the filesystem's
   * @param contents - where files are
   * @param directories - the blocks of directories
   * @param put - writes one block
   */
  constructor(
    blockSize: number,
    checksums: Checksums,
    contents: SettledContents,
    directories: DirectoryStore,
    put: (block: number, bytes: Uint8Array) => Promise<void>,
  ) {
    this.#blockSize = blockSize;
    this.#checksums = checksums;
    this.#contents = contents;
    this.#directories = directories;
    this.#put = put;
  }

  /** Makes an inode; its blocks are written, but for the contents of files. A promise only when there are blocks. */
  build(planned: PlannedInode, place: InodePlace): InodeFields | Promise<InodeFields> {
    const { inode, number, content } = planned;
    if (inode.type === 'character-device' || inode.type === 'block-device')
      return this.#finish(planned, place, deviceNumbers(inode.devMajor, inode.devMinor));
    if (inode.type === 'fifo' || inode.type === 'socket') return this.#finish(planned, place, EMPTY);
    if (inode.type === 'symlink' && place.extents.length === 0) {
      const block = Buffer.alloc(INODE_BLOCK_SIZE);
      block.write(inode.target, 'latin1');
      return this.#finish(planned, place, block);
    }
    const extents = content === undefined ? place.extents : this.#contents.extentsOf(number, content);
    const tree = encodeExtentTree(extents, place.tree, this.#blockSize, this.#checksums.ofInode(number));
    let blocks = 0;
    for (const { count } of extents) blocks += count;
    const flags = INODE_FLAG.extents | (planned.directory?.indexed === true ? INODE_FLAG.index : 0);
    if (place.extents.length === 0 && tree.nodes.length === 0)
      return this.#finish(planned, place, tree.root, flags, blocks);
    return this.#writeBlocks(planned, place, tree.nodes).then(() =>
      this.#finish(planned, place, tree.root, flags, blocks),
    );
  }

  /** Writes its attributes, if they have a block, and puts the fields together. */
  #finish(
    { inode, directory, links }: PlannedInode,
    { tree, xattrBlock }: InodePlace,
    block: Uint8Array,
    flags = 0,
    dataBlocks = 0,
  ): InodeFields | Promise<InodeFields> {
    const xattrs = inode.xattrs.size === 0 ? NO_XATTRS : this.#encodeXattrs(inode);
    const fields: InodeFields = {
      mode: MODE[inode.type] | inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      size: sizeOf(inode, directory),
      time: Math.min(Math.max(inode.mtime, MIN_TIME), MAX_TIME),
      timeNs: inode.mtimeNs,
      links,
      sectors: ((dataBlocks + tree.length + (xattrBlock === 0 ? 0 : 1)) * this.#blockSize) / 512,
      flags,
      block,
      xattrBlock,
      xattrs: xattrs.inInode,
    };
    return xattrs.block === undefined
      ? fields
      : this.#writeXattrs(xattrs.block, xattrBlock).then(() => fields);
  }

  /** Whatever ext4 cannot hold of them was reported, or refused, by the plan. */
  #encodeXattrs({ xattrs }: Inode): EncodedXattrs {
    return encodeXattrs(
      xattrs,
      () => '',
      this.#blockSize,
      () => {},
    );
  }

  async #writeBlocks(
    { inode, directory }: PlannedInode,
    place: InodePlace,
    nodes: readonly TreeBlock[],
  ): Promise<void> {
    for (const { block, bytes } of nodes) await this.#put(block, bytes);
    if (directory !== undefined) await this.#writeDirectory(directory, place);
    else if (inode.type === 'symlink') {
      const target = Buffer.alloc(this.#blockSize);
      target.write(inode.target, 'latin1');
      await this.#put(place.extents[0]!.physical, target);
    }
  }

  async #writeDirectory(directory: StoredDirectory, { extents }: InodePlace): Promise<void> {
    const whole = this.#directories.read(directory);
    for (const { logical, physical, count } of extents) {
      for (let i = 0; i < count; i++) {
        const from = (logical + i) * this.#blockSize;
        await this.#put(physical + i, whole.subarray(from, from + this.#blockSize));
      }
    }
  }

  async #writeXattrs(bytes: Buffer, block: number): Promise<void> {
    bytes.writeUInt32LE(this.#checksums.ofXattrBlock(block, bytes), 16);
    await this.#put(block, bytes);
  }
}

function sizeOf(inode: Inode, directory: PlannedInode['directory']): number {
  if (directory !== undefined) return directory.size;
  if (inode.type === 'file') return inode.size;
  return inode.type === 'symlink' ? inode.target.length : 0;
}

/** Numbers that fit into a byte each have the old form, others the new one. */
function deviceNumbers(major: number, minor: number): Uint8Array {
  const block = Buffer.alloc(INODE_BLOCK_SIZE);
  if (major < 256 && minor < 256) block.writeUInt32LE((major << 8) | minor, 0);
  else block.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & 0xf_ff00) << 12)) >>> 0, 4);
  return block;
}
