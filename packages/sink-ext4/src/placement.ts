import type { BlockExtent } from './content-table.ts';
import { treeBlockCount } from './extent-tree.ts';
import { INODE_BLOCK_SIZE, INODE_SIZE } from './format.ts';
import type { BlockRun, Geometry } from './geometry.ts';
import { type InodePlace, PlaceTable } from './place-table.ts';
import type { SettledContents } from './settled-contents.ts';
import type { Fit } from './sizing.ts';
import { Space } from './space.ts';
import type { PlannedInode } from './tree-plan.ts';

/** Where everything is. */
export interface Placement extends Fit {
  /** First blocks of the groups' inode tables. */
  readonly tables: Float64Array;
  readonly blockBitmaps: Float64Array;
  readonly inodeBitmaps: Float64Array;
  readonly journal: readonly BlockExtent[];
  readonly journalTree: readonly number[];
  /** Block of the resize inode's pointers; undefined when there is no such inode. */
  readonly resizeBlock: number | undefined;
  /** By position among the planned inodes. */
  readonly inodes: PlaceTable;
  /** Free runs below `end`. */
  readonly gaps: readonly BlockRun[];
}

/** What is to be placed. */
export interface PlacementSetup {
  readonly geometry: Geometry;
  readonly inodes: readonly PlannedInode[];
  readonly contents: SettledContents;
  /** Blocks of the journal; 0 for none. */
  readonly journalBlocks: number;
}

const NOWHERE: InodePlace = { extents: [], tree: [], xattrBlock: 0 };

/**
 * Places all tables behind the data: inode tables first, since they need consecutive blocks, then what fits
 * anywhere.
 *
 * @param setup - what
 * @param groups - number of groups
 * @param inodesPerGroup - a multiple of the inodes in a block
 */
export function placeAll(setup: PlacementSetup, groups: number, inodesPerGroup: number): Placement {
  const { geometry, inodes, contents, journalBlocks } = setup;
  const { blockSize } = geometry;
  const space = new Space(geometry, contents.end);
  const tableBlocks = (inodesPerGroup * INODE_SIZE) / blockSize;
  const tables = Float64Array.from({ length: groups }, () => space.consecutive(tableBlocks));
  const blockBitmaps = Float64Array.from({ length: groups }, () => space.block());
  const inodeBitmaps = Float64Array.from({ length: groups }, () => space.block());
  const blocksFor = (extents: readonly BlockExtent[]): number[] =>
    Array.from({ length: treeBlockCount(extents, blockSize) }, () => space.block());
  const resizeBlock = groups > geometry.classicGroups ? undefined : space.block();
  const journal = space.blocks(journalBlocks);
  const journalTree = blocksFor(journal);
  const places = new PlaceTable(inodes.length);
  for (const [index, { inode, directory, hasXattrBlock, content, number }] of inodes.entries()) {
    let { extents, tree } = NOWHERE;
    if (directory !== undefined) {
      extents = space.blocks(directory.size / blockSize);
      tree = blocksFor(extents);
    } else if (content !== undefined) {
      if (!contents.isCompact(content)) tree = blocksFor(contents.extentsOf(number, content));
    } else if (inode.type === 'symlink' && inode.target.length >= INODE_BLOCK_SIZE) {
      extents = space.blocks(1);
    }
    const xattrBlock = hasXattrBlock ? space.block() : 0;
    places.set(index, { extents, tree, xattrBlock });
  }
  return {
    groups,
    inodesPerGroup,
    end: space.end,
    tables,
    blockBitmaps,
    inodeBitmaps,
    journal,
    journalTree,
    resizeBlock,
    inodes: places,
    gaps: space.gaps,
  };
}
