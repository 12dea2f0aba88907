import type { DeviceInode, DirectoryInode, FileInode, Inode, SymlinkInode } from '@ocirender/interface';
import { encodeChunks, planChunks } from './chunk-table.ts';
import { encodeClusterIndex } from './cluster-index.ts';
import type { CodecSpec } from './compression.ts';
import type { CompressedExtent, ContentTable } from './content-table.ts';
import type { DataWriter } from './data-writer.ts';
import { encodeListing, type ListedName, listingSize } from './directory.ts';
import { FILE_KIND, LAYOUT, SLOT_SIZE } from './format.ts';
import { deviceNumber, encodeInode, inodeSize } from './inode.ts';
import type { TailStore } from './tail-store.ts';
import type { TreePlan } from './tree-plan.ts';
import type { XattrTable } from './xattr-table.ts';

/** What a tree writer works with. */
export interface TreeWriterSetup {
  readonly blockSize: number;
  readonly contents: ContentTable;
  readonly tails: TailStore;
  readonly xattrs: XattrTable;
  readonly data: DataWriter;
  /** The block of the superblock. */
  readonly headBlock: number;
  /** What compressed contents are compressed with. */
  readonly codec: CodecSpec | undefined;
}

/** Where the parts of a written tree are. */
export interface WrittenTree {
  /** Block of the shared attributes; 0 when there are none. */
  readonly xattrBlock: number;
  readonly rootNid: number;
  /** Blocks of the image. */
  readonly blocks: number;
}

/** Writes a planned tree: listings, shared attributes, then all blocks of inodes from the first to the last. */
export class TreeWriter {
  readonly #plan: TreePlan;
  readonly #setup: TreeWriterSetup;
  readonly #metaBlock: number;
  readonly #xattrBlock: number;
  readonly #record: Uint8Array;

  constructor(plan: TreePlan, setup: TreeWriterSetup) {
    this.#plan = plan;
    this.#setup = setup;
    const shared = Math.ceil(setup.xattrs.sharedSize / setup.blockSize);
    this.#xattrBlock = shared === 0 ? 0 : plan.endBlock;
    this.#metaBlock = plan.endBlock + shared;
    this.#record = new Uint8Array(setup.blockSize);
  }

  /**
   * Writes all but the superblock.
   *
   * @param head - the bytes of the superblock's block: inodes that have their place there are put into it
   */
  async write(head: Uint8Array): Promise<WrittenTree> {
    const { data, xattrs, headBlock } = this.#setup;
    for (let number = 0; number < this.#plan.inodes.length; number++) {
      if (this.#plan.addresses[number] !== 0) await this.#writeBlocks(number);
    }
    for (const entry of xattrs.sharedEntries()) await data.append(entry);
    await this.#pad();
    const order = this.#inOrder();
    let next = 0;
    for (; next < order.length && this.#blockOf(order[next] as number) === 0; next++) {
      let at = this.#offsetOf(order[next] as number);
      for (const piece of this.#recordOf(order[next] as number)) {
        head.set(piece, at);
        at += piece.length;
      }
    }
    for (; next < order.length; next++) {
      const number = order[next] as number;
      const position = this.#nid(number) * SLOT_SIZE;
      const gap = position - data.position;
      if (gap > 0) {
        const waiting = data.room(gap);
        if (waiting !== undefined) await waiting;
        data.zeros(gap);
      }
      for (const piece of this.#recordOf(number)) {
        if (piece.length <= this.#setup.blockSize) {
          const waiting = data.room(piece.length);
          if (waiting !== undefined) await waiting;
          data.put(piece);
        } else await data.append(piece);
      }
    }
    await this.#pad();
    const blocks = Math.max(this.#metaBlock + this.#plan.packer.blocks, headBlock + 1);
    return { xattrBlock: this.#xattrBlock, rootNid: this.#nid(0), blocks };
  }

  /** Writes what an inode has outside of the metadata blocks, as far as it is not a file's contents. */
  async #writeBlocks(number: number): Promise<void> {
    const { data, tails, contents } = this.#setup;
    const inode = this.#plan.inodes[number] as Inode;
    if (inode.type === 'file') {
      const tail = new Uint8Array(inode.size % this.#setup.blockSize);
      tails.read(contents.tailOf(inode.content as number), tail);
      await data.append(tail);
    } else if (inode.type === 'symlink') {
      await data.append(Buffer.from(inode.target, 'latin1'));
    } else {
      const listing = this.#listing(number);
      const inline = this.#plan.layouts[number] === LAYOUT.inline;
      const tail = inline ? listing.length % this.#setup.blockSize : 0;
      await data.append(listing.subarray(0, listing.length - tail));
    }
    await this.#pad();
  }

  async #pad(): Promise<void> {
    const { data, blockSize } = this.#setup;
    const rest = data.position % blockSize;
    if (rest === 0) return;
    const waiting = data.room(blockSize - rest);
    if (waiting !== undefined) await waiting;
    data.zeros(blockSize - rest);
  }

  #listing(number: number): Uint8Array {
    const names: ListedName[] = [
      { name: '.', nid: this.#nid(number), kind: FILE_KIND.directory.entry },
      { name: '..', nid: this.#nid(this.#plan.parents[number] as number), kind: FILE_KIND.directory.entry },
    ];
    for (const [name, child, inode] of this.#plan.children(number))
      names.push({ name, nid: this.#nid(child), kind: FILE_KIND[inode.type].entry });
    names.sort((a, b) => (a.name < b.name ? -1 : 1));
    const { blockSize } = this.#setup;
    const lengths = names.map(({ name }) => name.length);
    return encodeListing(names, listingSize(lengths, blockSize), blockSize);
  }

  /** The bytes of an inode and of what stands beside it; each piece is valid until the next one is asked for. */
  *#recordOf(number: number): Generator<Uint8Array> {
    const inode = this.#plan.inodes[number] as Inode;
    const { xattrs, blockSize, contents, tails } = this.#setup;
    const layout = this.#plan.layouts[number] as number;
    const listing = inode.type === 'directory' ? this.#listing(number) : undefined;
    const size = listing?.length ?? sizeOf(inode);
    const links = this.#plan.linksOf(inode);
    const core = inodeSize(inode, links, size, this.#plan.epoch);
    const xattrSize = xattrs.sizeOf(inode.xattrs);
    const tail = layout === LAYOUT.inline ? size % blockSize : 0;
    const total = core + xattrSize + tail;
    const record = total <= blockSize ? this.#record.subarray(0, total).fill(0) : new Uint8Array(total);
    const union = this.#union(number, inode);
    encodeInode(inode, { links, size, layout, union, ino: number + 1, xattrSize }, record.subarray(0, core));
    xattrs.encode(inode.xattrs, record.subarray(core, core + xattrSize));
    const beside = record.subarray(core + xattrSize);
    if (tail > 0) {
      if (listing !== undefined) beside.set(listing.subarray(size - tail));
      else if (inode.type === 'file') tails.read(contents.tailOf(inode.content as number), beside);
      else beside.set(Buffer.from((inode as SymlinkInode).target, 'latin1'));
    }
    yield record;
    if (layout === LAYOUT.compressedFull) {
      const extents = contents.extents((inode as FileInode).content as number);
      yield* encodeClusterIndex(extents, core + xattrSize, size, this.#setup.codec as CodecSpec);
    } else if (layout === LAYOUT.chunks) {
      const plan = planChunks(this.#plan.runs(number), blockSize);
      yield* encodeChunks(this.#plan.runs(number), plan);
    }
  }

  #union(number: number, inode: DirectoryInode | FileInode | Inode): number {
    switch (inode.type) {
      case 'character-device':
      case 'block-device':
        return deviceNumber(inode as DeviceInode);
      case 'file': {
        if (this.#plan.layouts[number] === LAYOUT.compressedFull)
          return compressedBlocks(this.#setup.contents.extents(inode.content as number));
        const runs = this.#plan.runs(number);
        if (this.#plan.layouts[number] === LAYOUT.chunks)
          return Math.log2(planChunks(runs, this.#setup.blockSize).chunkBlocks);
        const first = runs.next();
        return first.done === true ? 0 : first.value.address;
      }
      default:
        return this.#plan.addresses[number] as number;
    }
  }

  /** All inodes by their places: counted into blocks, within which they are in the order of their numbers. */
  #inOrder(): Uint32Array {
    const { slots, packer } = this.#plan;
    const starts = new Uint32Array(packer.blocks + 2);
    for (let i = 0; i < slots.length; i++) {
      const block = this.#blockOf(i) + 1;
      starts[block] = (starts[block] as number) + 1;
    }
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
    const order = new Uint32Array(slots.length);
    for (let i = 0; i < slots.length; i++) {
      const block = this.#blockOf(i);
      const at = starts[block] as number;
      starts[block] = at + 1;
      order[at] = i;
    }
    return order;
  }

  /** The block of an inode: 0 that of the superblock, then those of metadata. */
  #blockOf(number: number): number {
    return Math.floor(((this.#plan.slots[number] as number) * SLOT_SIZE) / this.#setup.blockSize);
  }

  #offsetOf(number: number): number {
    return ((this.#plan.slots[number] as number) * SLOT_SIZE) % this.#setup.blockSize;
  }

  #nid(number: number): number {
    const first = this.#blockOf(number) === 0 ? this.#setup.headBlock : this.#metaBlock - 1;
    return (this.#plan.slots[number] as number) + (first * this.#setup.blockSize) / SLOT_SIZE;
  }
}

function compressedBlocks(extents: Iterable<CompressedExtent>): number {
  let sum = 0;
  for (const { blocks } of extents) sum += Math.max(blocks, 1);
  return sum;
}

function sizeOf(inode: Inode): number {
  if (inode.type === 'file') return inode.size;
  return inode.type === 'symlink' ? inode.target.length : 0;
}
