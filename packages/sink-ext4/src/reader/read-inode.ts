import { FormatError, type Inode } from '@ocirender/interface';
import {
  GD,
  INODE,
  INODE_BLOCK_SIZE,
  INODE_FLAG,
  MODE,
  OLD_INODE_SIZE,
  SUPERBLOCK_OFFSET,
} from '../format.ts';
import { hasSuperblock } from '../geometry.ts';
import type { ImageFile } from './image-file.ts';
import type { ReadSuperblock } from './read-superblock.ts';

/** Blocks of inodes and descriptors that are kept. */
const CACHED_BLOCKS = 512;

const TYPES: ReadonlyMap<number, Inode['type']> = new Map(
  Object.entries(MODE).map(([type, bits]): [number, Inode['type']] => [bits, type as Inode['type']]),
);

/** An inode as it is on disk. */
export interface RawInode {
  readonly number: number;
  /** Where it is in the image, for messages. */
  readonly position: number;
  readonly type: Inode['type'];
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly links: number;
  readonly flags: number;
  /** 60 bytes. */
  readonly block: Buffer;
  /** Block of its attributes; 0 for none. */
  readonly xattrBlock: number;
  /** Whatever follows its fields: attributes. */
  readonly rest: Buffer;
}

/** Finds and reads inodes. */
export class InodeReader {
  readonly #file: ImageFile;
  readonly #superblock: ReadSuperblock;
  readonly #cache = new Map<number, Buffer>();

  constructor(file: ImageFile, superblock: ReadSuperblock) {
    this.#file = file;
    this.#superblock = superblock;
  }

  /**
   * Reads an inode.
   *
   * @param number - its number, from the image
   * @param from - position of what names it, for messages
   * @throws {FormatError} when there is no such inode, or it is damaged
   */
  async read(number: number, from: number): Promise<RawInode> {
    const { inodes, inodesPerGroup, inodeSize, blockSize, blocks } = this.#superblock;
    if (number < 1 || number > inodes) throw new FormatError(`there is no inode ${number}`, from);
    const group = Math.floor((number - 1) / inodesPerGroup);
    const descriptor = await this.#descriptor(group);
    const high = descriptor.length >= 64 ? descriptor.readUInt32LE(GD.inodeTable + GD.high32) : 0;
    const table = descriptor.readUInt32LE(GD.inodeTable) + high * 0x1_0000_0000;
    if (table === 0 || table >= blocks)
      throw new FormatError(`the inode table of group ${group} is at block ${table}`, from);
    const position = table * blockSize + ((number - 1) % inodesPerGroup) * inodeSize;
    const within = position % blockSize;
    const block = await this.#block((position - within) / blockSize);
    return decode(number, position, block.subarray(within, within + inodeSize));
  }

  /** Reads a block through a small cache: inodes and descriptors have many neighbours. */
  async #block(block: number): Promise<Buffer> {
    let bytes = this.#cache.get(block);
    if (bytes === undefined) {
      bytes = await this.#file.read(block * this.#superblock.blockSize, this.#superblock.blockSize);
      if (this.#cache.size >= CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value as number);
      this.#cache.set(block, bytes);
    }
    return bytes;
  }

  async #descriptor(group: number): Promise<Buffer> {
    const { blockSize, descriptorSize, firstMetaGroup, firstBlock, blocksPerGroup } = this.#superblock;
    const perBlock = blockSize / descriptorSize;
    const set = Math.floor(group / perBlock);
    // The superblock is in block 1 where blocks have 1024 bytes, also if (with clusters) block 0 is the first.
    let block = (blockSize === SUPERBLOCK_OFFSET ? 1 : firstBlock) + 1 + set;
    if (set > 0 && set >= firstMetaGroup) {
      const first = set * perBlock;
      block = firstBlock + first * blocksPerGroup + (hasSuperblock(first) ? 1 : 0);
    }
    const at = (group % perBlock) * descriptorSize;
    return (await this.#block(block)).subarray(at, at + descriptorSize);
  }
}

function decode(number: number, position: number, bytes: Buffer): RawInode {
  const mode = bytes.readUInt16LE(INODE.mode);
  const type = TYPES.get(mode & 0xf000);
  if (type === undefined || bytes.readUInt16LE(INODE.links) === 0)
    throw new FormatError(`inode ${number} is not in use (mode 0${mode.toString(8)})`, position);
  const extra = bytes.length > OLD_INODE_SIZE ? bytes.readUInt16LE(INODE.extraSize) : 0;
  if (OLD_INODE_SIZE + extra > bytes.length || extra % 4 !== 0)
    throw new FormatError(`inode ${number} has ${extra} bytes of additional fields`, position);
  const end = OLD_INODE_SIZE + extra;
  const timeExtra = end >= INODE.mtimeExtra + 4 ? bytes.readUInt32LE(INODE.mtimeExtra) : 0;
  const size = bytes.readUInt32LE(INODE.size) + bytes.readUInt32LE(INODE.sizeHigh) * 0x1_0000_0000;
  if (!Number.isSafeInteger(size)) throw new FormatError(`inode ${number} has ${size} bytes`, position);
  return {
    number,
    position,
    type,
    mode: mode & 0o7777,
    uid: bytes.readUInt16LE(INODE.uid) + bytes.readUInt16LE(INODE.uidHigh) * 0x1_0000,
    gid: bytes.readUInt16LE(INODE.gid) + bytes.readUInt16LE(INODE.gidHigh) * 0x1_0000,
    size,
    mtime: bytes.readInt32LE(INODE.mtime) + (timeExtra & 3) * 0x1_0000_0000,
    mtimeNs: Math.min(timeExtra >>> 2, 999_999_999),
    links: bytes.readUInt16LE(INODE.links),
    flags: bytes.readUInt32LE(INODE.flags),
    block: bytes.subarray(INODE.block, INODE.block + INODE_BLOCK_SIZE),
    xattrBlock: bytes.readUInt32LE(INODE.acl) + bytes.readUInt16LE(INODE.aclHigh) * 0x1_0000_0000,
    rest: extra === 0 ? bytes.subarray(bytes.length) : bytes.subarray(end),
  };
}

/** Tells whether a flag of {@link INODE_FLAG} is set. */
export function hasFlag({ flags }: RawInode, flag: keyof typeof INODE_FLAG): boolean {
  return (flags & INODE_FLAG[flag]) !== 0;
}
