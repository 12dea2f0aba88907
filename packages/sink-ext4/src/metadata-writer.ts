import type { OutputFile } from '@ocirender/image-file';
import type { BlockStream } from './block-stream.ts';
import type { Checksums } from './checksums.ts';
import { encodeExtentTree } from './extent-tree.ts';
import {
  INODE_BLOCK_SIZE,
  INODE_FLAG,
  INODE_SIZE,
  JOURNAL_INODE,
  MODE,
  RESIZE_INODE,
  SUPERBLOCK_OFFSET,
} from './format.ts';
import { type Geometry, hasSuperblock } from './geometry.ts';
import { encodeGroups, type Groups } from './groups.ts';
import { encodeInode, type InodeFields } from './inode.ts';
import { InodeBuilder } from './inode-builder.ts';
import { encodeJournalSuperblock } from './journal.ts';
import type { Placement } from './placement.ts';
import { makeResizeInode } from './resize-inode.ts';
import type { SettledContents } from './settled-contents.ts';
import type { Amount } from './sizing.ts';
import { encodeSuperblock } from './superblock.ts';
import type { TreePlan } from './tree-plan.ts';

/** What the metadata consists of. */
export interface MetadataSetup {
  readonly file: OutputFile;
  readonly stream: BlockStream;
  readonly geometry: Geometry;
  readonly checksums: Checksums;
  readonly plan: TreePlan;
  readonly contents: SettledContents;
  readonly placement: Placement;
  /** Blocks of the filesystem. */
  readonly blocks: number;
  readonly journalBlocks: number;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint32Array;
  readonly label: Uint8Array;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly reserved: Amount;
}

/** Writes everything but the contents, once it is known where everything is. */
export class MetadataWriter {
  readonly #setup: MetadataSetup;
  /** Inodes that are not the tree's, by number. */
  readonly #special = new Map<number, InodeFields>();

  constructor(setup: MetadataSetup) {
    this.#setup = setup;
  }

  /** Writes; the caller closes the file. */
  async write(): Promise<{ freeBlocks: number; freeInodes: number }> {
    const { geometry, placement, blocks, plan, checksums } = this.#setup;
    const groups = encodeGroups({ geometry, placement, blocks, inodes: plan.inodes, checksums });
    for (const { block, bytes } of groups.bitmaps) await this.#put(block, bytes);
    const reservedDescriptors = await this.#writeResizeInode();
    const journal = await this.#writeJournal();
    await this.#writeInodes();
    await this.#writeDescriptors(groups, reservedDescriptors, journal);
    await this.#setup.stream.drain();
    return groups;
  }

  async #put(block: number, bytes: Uint8Array): Promise<void> {
    const { stream, geometry } = this.#setup;
    await stream.seek(block * geometry.blockSize);
    if (stream.space < bytes.length) await stream.flush();
    stream.put(bytes);
  }

  async #writeInodes(): Promise<void> {
    const { stream, geometry, placement, plan, checksums } = this.#setup;
    const { inodesPerGroup, tables } = placement;
    const { contents } = this.#setup;
    const builder = new InodeBuilder(
      geometry.blockSize,
      checksums,
      contents,
      plan.directories,
      (block, bytes) => this.#put(block, bytes),
    );
    const table = Buffer.alloc(inodesPerGroup * INODE_SIZE);
    let index = 0;
    for (let group = 0; group < placement.groups; group++) {
      const first = 1 + group * inodesPerGroup;
      const special = group === 0 ? this.#special : new Map<number, InodeFields>();
      for (const [number, fields] of special) {
        encodeInode(table, (number - first) * INODE_SIZE, fields, checksums.ofInode(number));
      }
      let used = group === 0 ? JOURNAL_INODE : 0;
      for (; (plan.inodes[index]?.number ?? Number.POSITIVE_INFINITY) < first + inodesPerGroup; index++) {
        const planned = plan.inodes[index]!;
        const built = builder.build(planned, placement.inodes.get(index));
        const fields = built instanceof Promise ? await built : built;
        used = planned.number - first + 1;
        encodeInode(table, (used - 1) * INODE_SIZE, fields, checksums.ofInode(planned.number));
      }
      if (used === 0) continue;
      const length = Math.ceil((used * INODE_SIZE) / geometry.blockSize) * geometry.blockSize;
      await stream.seek((tables[group] as number) * geometry.blockSize);
      for (let at = 0; at < length; ) {
        if (stream.space === 0) await stream.flush();
        const end = Math.min(length, at + stream.space);
        stream.put(table, at, end);
        at = end;
      }
      table.fill(0, 0, length);
    }
  }

  /** The inode that owns room for more descriptors; gives the number of those blocks. */
  async #writeResizeInode(): Promise<number> {
    const { geometry, placement, time } = this.#setup;
    if (placement.resizeBlock === undefined) return 0;
    const resize = makeResizeInode(geometry, placement.groups, placement.resizeBlock);
    await this.#put(placement.resizeBlock, resize.pointers);
    for (const { block, bytes } of resize.reserved) await this.#put(block, bytes);
    this.#special.set(RESIZE_INODE, {
      ...ownedByRoot(time),
      size: resize.size,
      sectors: (resize.blocks * geometry.blockSize) / 512,
      block: resize.block,
    });
    return resize.reserved.length;
  }

  async #writeJournal(): Promise<{ block: Uint8Array; size: number } | undefined> {
    const { geometry, placement, checksums, journalBlocks, uuid, time } = this.#setup;
    const { blockSize } = geometry;
    const first = placement.journal[0];
    if (first === undefined) return undefined;
    await this.#put(first.physical, encodeJournalSuperblock(blockSize, journalBlocks, uuid));
    const seed = checksums.ofInode(JOURNAL_INODE);
    const tree = encodeExtentTree(placement.journal, placement.journalTree, blockSize, seed);
    for (const { block, bytes } of tree.nodes) await this.#put(block, bytes);
    const size = journalBlocks * blockSize;
    this.#special.set(JOURNAL_INODE, {
      ...ownedByRoot(time),
      size,
      sectors: ((journalBlocks + tree.nodes.length) * blockSize) / 512,
      flags: INODE_FLAG.extents,
      block: tree.root,
    });
    return { block: tree.root, size };
  }

  /** Superblocks and group descriptors, wherever the layout wants copies of them. */
  async #writeDescriptors(
    groups: Groups,
    reservedDescriptorBlocks: number,
    journal: { block: Uint8Array; size: number } | undefined,
  ): Promise<void> {
    const { geometry, placement, blocks, stream } = this.#setup;
    const { blockSize, descriptorsPerBlock, classicGroups } = geometry;
    const hasMetaGroups = placement.groups > classicGroups;
    const fields = {
      ...this.#setup,
      blockSize,
      firstBlock: geometry.firstBlock,
      blocksPerGroup: geometry.blocksPerGroup,
      groups: placement.groups,
      inodesPerGroup: placement.inodesPerGroup,
      blocks,
      reservedBlocks: this.#reservedBlocks(),
      freeBlocks: groups.freeBlocks,
      freeInodes: groups.freeInodes,
      reservedDescriptorBlocks,
      firstMetaGroup: hasMetaGroups ? geometry.descriptorBlocks : undefined,
      journal,
    };
    const descriptors = Buffer.alloc(Math.ceil(groups.descriptors.length / blockSize) * blockSize);
    descriptors.set(groups.descriptors);
    const classic = descriptors.subarray(0, geometry.descriptorBlocks * blockSize);
    const putAll = async (block: number, bytes: Buffer): Promise<void> => {
      for (let at = 0; at < bytes.length; at += blockSize)
        await this.#put(block + at / blockSize, bytes.subarray(at, at + blockSize));
    };
    for (let group = 0; group < placement.groups; group++) {
      let block = geometry.groupStart(group);
      if (hasSuperblock(group)) {
        const superblock = Buffer.alloc(blockSize);
        superblock.set(
          encodeSuperblock(fields, group),
          group === 0 && blockSize > SUPERBLOCK_OFFSET ? SUPERBLOCK_OFFSET : 0,
        );
        await this.#put(block++, superblock);
        if (group < classicGroups) await putAll(block, classic);
      }
      if (group >= classicGroups && geometry.hasMetaDescriptors(group)) {
        const from = Math.floor(group / descriptorsPerBlock) * blockSize;
        await this.#put(block, descriptors.subarray(from, from + blockSize));
      }
    }
    await stream.flush();
  }

  #reservedBlocks(): number {
    const { reserved, blocks, geometry } = this.#setup;
    const wanted =
      'bytes' in reserved ? reserved.bytes / geometry.blockSize : (blocks * reserved.percent) / 100;
    // More than half is refused by the tools.
    return Math.min(Math.floor(wanted), Math.floor(blocks / 2));
  }
}

/** What the filesystem's own inodes have in common. */
function ownedByRoot(time: number): InodeFields {
  return {
    mode: MODE.file | 0o600,
    uid: 0,
    gid: 0,
    size: 0,
    time,
    timeNs: 0,
    links: 1,
    sectors: 0,
    flags: 0,
    block: new Uint8Array(INODE_BLOCK_SIZE),
    xattrBlock: 0,
  };
}
