import { FormatError } from '@ocirender/interface';
import type { BlockExtent } from '../content-table.ts';
import { EXTENT_MAGIC, EXTENT_SIZE, MAX_EXTENT_BLOCKS } from '../format.ts';
import type { ImageFile } from './image-file.ts';
import { hasFlag, type RawInode } from './read-inode.ts';
import type { ReadSuperblock } from './read-superblock.ts';

/** The deepest tree that the kernel makes. */
const MAX_DEPTH = 5;

/** Block numbers in an inode before the indirect ones. */
const DIRECT = 12;

/** Finds the blocks of inodes, by extents or by block numbers. */
export class BlockMapper {
  readonly #file: ImageFile;
  readonly #blockSize: number;
  readonly #blocks: number;

  constructor(file: ImageFile, { blockSize, blocks }: ReadSuperblock) {
    this.#file = file;
    this.#blockSize = blockSize;
    this.#blocks = blocks;
  }

  /**
   * Lists the extents of an inode in the order of the file. What is not in any is a hole.
   *
   * @param inode - a file, directory or long symbolic link
   * @param from - logical block to begin with
   * @param to - the logical block after the last of interest
   * @throws {FormatError} for trees that are no trees
   */
  extents(
    inode: RawInode,
    from = 0,
    to: number = Math.ceil(inode.size / this.#blockSize),
  ): AsyncGenerator<BlockExtent> {
    if (hasFlag(inode, 'extents')) return this.#tree(inode, from, to);
    return this.#indirect(inode, from, to);
  }

  async *#tree(inode: RawInode, from: number, to: number): AsyncGenerator<BlockExtent> {
    const pending: { bytes: Buffer; position: number; depth: number; next: number }[] = [];
    const enter = (bytes: Buffer, position: number, depth: number | undefined): void => {
      const found = bytes.readUInt16LE(6);
      const entries = bytes.readUInt16LE(2);
      if (
        bytes.readUInt16LE(0) !== EXTENT_MAGIC ||
        entries > Math.floor(bytes.length / EXTENT_SIZE) - 1 ||
        (entries === 0 && depth !== undefined) ||
        found > MAX_DEPTH ||
        (depth !== undefined && found !== depth)
      )
        throw new FormatError(`inode ${inode.number}: a damaged extent tree`, position);
      pending.push({ bytes, position, depth: found, next: 0 });
    };
    enter(inode.block, inode.position, undefined);
    // Extents ascend and nodes are not empty: else a small tree could stand for any amount of data, or for ever.
    let end = 0;
    for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
      const { bytes, position, depth } = node;
      const entries = bytes.readUInt16LE(2);
      if (node.next === entries) {
        pending.pop();
        continue;
      }
      const at = EXTENT_SIZE * ++node.next;
      const logical = bytes.readUInt32LE(at);
      if (logical >= to) return;
      if (depth > 0) {
        // What comes before the next branch cannot be of interest if that begins before `from`.
        const following =
          node.next < entries ? bytes.readUInt32LE(at + EXTENT_SIZE) : Number.POSITIVE_INFINITY;
        if (following <= from) continue;
        const block = bytes.readUInt32LE(at + 4) + bytes.readUInt16LE(at + 8) * 0x1_0000_0000;
        this.#check(inode, block, 1, position);
        const child = block * this.#blockSize;
        enter(await this.#file.read(child, this.#blockSize), child, depth - 1);
        continue;
      }
      const length = bytes.readUInt16LE(at + 4);
      const physical = bytes.readUInt32LE(at + 8) + bytes.readUInt16LE(at + 6) * 0x1_0000_0000;
      const count = length > MAX_EXTENT_BLOCKS ? length - MAX_EXTENT_BLOCKS : length;
      if (count === 0 || logical < end)
        throw new FormatError(`inode ${inode.number}: extents that do not ascend`, position);
      end = logical + count;
      // Allocated but never written: reads as zeros, as a hole does.
      if (length > MAX_EXTENT_BLOCKS || end <= from) continue;
      this.#check(inode, physical, length, position);
      yield { logical, physical, count: length };
    }
  }

  /** Twelve block numbers, then blocks of block numbers, one, two and three levels deep. */
  async *#indirect(inode: RawInode, from: number, to: number): AsyncGenerator<BlockExtent> {
    const perBlock = this.#blockSize / 4;
    let run: BlockExtent | undefined;
    const pending: { bytes: Buffer; position: number; level: number; next: number; logical: number }[] = [
      { bytes: inode.block, position: inode.position, level: -1, next: 0, logical: 0 },
    ];
    for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
      if (node.logical >= to) break;
      if (node.next * 4 >= node.bytes.length) {
        pending.pop();
        continue;
      }
      const index = node.next++;
      const level = node.level < 0 ? Math.max(0, index - DIRECT + 1) : node.level;
      const span = perBlock ** level;
      const logical = node.logical;
      node.logical += span;
      const block = node.bytes.readUInt32LE(4 * index);
      if (block === 0 || node.logical <= from || logical >= to) continue;
      this.#check(inode, block, 1, node.position);
      if (level > 0) {
        const position = block * this.#blockSize;
        const bytes = await this.#file.read(position, this.#blockSize);
        pending.push({ bytes, position, level: level - 1, next: 0, logical });
      } else if (
        run !== undefined &&
        run.logical + run.count === logical &&
        run.physical + run.count === block
      ) {
        run.count++;
      } else {
        if (run !== undefined) yield run;
        run = { logical, physical: block, count: 1 };
      }
    }
    if (run !== undefined) yield run;
  }

  #check(inode: RawInode, block: number, count: number, position: number): void {
    if (block > 0 && block + count <= this.#blocks) return;
    throw new FormatError(`inode ${inode.number}: block ${block} is not of this filesystem`, position);
  }
}
