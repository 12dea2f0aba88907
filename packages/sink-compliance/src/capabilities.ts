import type { Inode } from '@ocirender/interface';

/** A kind of inode. */
export type InodeType = Inode['type'];

/**
 * What a format can hold. The suite clamps what it expects accordingly: whatever is said here to be impossible
 * is not asked for, everything else must come back exactly.
 */
export interface SinkCapabilities {
  /** Kinds that the output holds; names of other kinds are expected to be absent. */
  readonly types: readonly InodeType[];
  /** Kinds whose inodes can have several names; inodes of others are expected to be copied. */
  readonly hardLinks: readonly InodeType[];
  /** Whether owner and group are kept. */
  readonly owners: boolean;
  /** Whether the root's own metadata is kept. */
  readonly rootMetadata: boolean;
  /** Whether times are kept to the nanosecond, or rounded down to whole seconds. */
  readonly nanoseconds: boolean;
  /** Earliest and latest modification time in seconds since the epoch; others are clamped. */
  readonly timeRange: readonly [number, number];
  /** Beginnings of the names of the xattrs that are kept; the empty one stands for all. */
  readonly xattrPrefixes: readonly string[];
  /** Kinds that keep xattrs. */
  readonly xattrTypes: readonly InodeType[];
  /** Largest xattr value in bytes that the suite may use. */
  readonly xattrBytes: number;
  /** Whether equal input gives equal bytes (not so for directories, whose bytes are the file system's). */
  readonly reproducible: boolean;
}

const LAYER_TYPES: readonly InodeType[] = [
  'file',
  'directory',
  'symlink',
  'character-device',
  'block-device',
  'fifo',
];

/** A format that holds all that a layer can hold. */
export const FULL_CAPABILITIES: SinkCapabilities = {
  types: LAYER_TYPES,
  hardLinks: LAYER_TYPES.filter((type) => type !== 'directory'),
  owners: true,
  rootMetadata: true,
  nanoseconds: true,
  timeRange: [-(2 ** 31), 2 ** 34 - 2 ** 31 - 1],
  xattrPrefixes: [''],
  xattrTypes: LAYER_TYPES,
  xattrBytes: 60_000,
  reproducible: true,
};
