import type { Inode } from '@ocirender/interface';
import type { Checksums } from './checksums.ts';
import { encodeExtentTree } from './extent-tree.ts';
import { DIRECTORY_TAIL, INODE_BLOCK_SIZE, INODE_FLAG, MAX_TIME, MIN_TIME, MODE } from './format.ts';
import type { InodeFields } from './inode.ts';
import type { InodePlace } from './placement.ts';
import type { PlannedInode } from './tree-plan.ts';

const EMPTY = new Uint8Array(INODE_BLOCK_SIZE);

/** Writes the blocks that belong to inodes, and makes the inodes that point to them. */
export class InodeBuilder {
  readonly #blockSize: number;
  readonly #checksums: Checksums;
  readonly #put: (block: number, bytes: Uint8Array) => Promise<void>;

  /**
   * @param blockSize - bytes
   * @param checksums - the filesystem's
   * @param put - writes one block
   */
  constructor(
    blockSize: number,
    checksums: Checksums,
    put: (block: number, bytes: Uint8Array) => Promise<void>,
  ) {
    this.#blockSize = blockSize;
    this.#checksums = checksums;
    this.#put = put;
  }

  /** Makes an inode; its blocks are written, but for the contents of files. */
  async build(planned: PlannedInode, place: InodePlace): Promise<InodeFields> {
    const { inode } = planned;
    if (planned.directory !== undefined) await this.#writeDirectory(planned.directory, place);
    if (planned.xattrs.block !== undefined) await this.#writeXattrs(planned.xattrs.block, place.xattrBlock);
    const { block, flags } = await this.#body(planned, place);
    let blocks = place.tree.length + (place.xattrBlock === 0 ? 0 : 1);
    for (const { count } of place.extents) blocks += count;
    return {
      mode: MODE[inode.type] | inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      size: sizeOf(planned),
      time: Math.min(Math.max(inode.mtime, MIN_TIME), MAX_TIME),
      timeNs: inode.mtimeNs,
      links: planned.links,
      sectors: (blocks * this.#blockSize) / 512,
      flags,
      block,
      xattrBlock: place.xattrBlock,
      xattrs: planned.xattrs.inInode,
    };
  }

  async #body(planned: PlannedInode, place: InodePlace): Promise<{ block: Uint8Array; flags: number }> {
    const { inode, number, directory } = planned;
    if (inode.type === 'character-device' || inode.type === 'block-device')
      return { block: deviceNumbers(inode.devMajor, inode.devMinor), flags: 0 };
    if (inode.type === 'fifo' || inode.type === 'socket') return { block: EMPTY, flags: 0 };
    if (inode.type === 'symlink') {
      const target = Buffer.from(inode.target, 'latin1');
      if (place.extents.length === 0) {
        const block = new Uint8Array(INODE_BLOCK_SIZE);
        block.set(target);
        return { block, flags: 0 };
      }
      const padded = Buffer.alloc(this.#blockSize);
      padded.set(target);
      await this.#put(place.extents[0]!.physical, padded);
    }
    const checksum = this.#checksums.ofInode(number);
    const tree = encodeExtentTree(place.extents, place.tree, this.#blockSize, checksum);
    for (const node of tree.nodes) await this.#put(node.block, node.bytes);
    return {
      block: tree.root,
      flags: INODE_FLAG.extents | (directory?.indexed === true ? INODE_FLAG.index : 0),
    };
  }

  async #writeDirectory(
    { bytes, tail, size }: NonNullable<PlannedInode['directory']>,
    { extents }: InodePlace,
  ): Promise<void> {
    let whole = bytes;
    if (tail !== undefined) {
      whole = new Uint8Array(size);
      whole.set(bytes);
      whole.set(tail, size - DIRECTORY_TAIL);
    }
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

function sizeOf({ inode, directory }: PlannedInode): number {
  if (directory !== undefined) return directory.size;
  if (inode.type === 'file') return (inode as Extract<Inode, { type: 'file' }>).size;
  return inode.type === 'symlink' ? inode.target.length : 0;
}

/** Numbers that fit into a byte each have the old form, others the new one. */
function deviceNumbers(major: number, minor: number): Uint8Array {
  const block = Buffer.alloc(INODE_BLOCK_SIZE);
  if (major < 256 && minor < 256) block.writeUInt32LE((major << 8) | minor, 0);
  else block.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & 0xf_ff00) << 12)) >>> 0, 4);
  return block;
}
