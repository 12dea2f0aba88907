/** Bounds on hostile input; exceeding one is a `LimitError` that names it. */
export interface MergeLimits {
  /** Archive members of all layers, and directories that they imply. */
  readonly entries: number;
  /** Bytes of a path or link target. */
  readonly pathBytes: number;
  /** Components of a path. */
  readonly pathDepth: number;
  /** Bytes of one entry's PAX and GNU long-name headers. */
  readonly paxHeaderBytes: number;
  /** Bytes of one entry's extended attributes. */
  readonly xattrBytes: number;
  /**
   * Memory for all entries' names, link targets, attributes and PAX records, in bytes: what they have, and what it takes to
   * hold them (1 KiB an attribute, 512 bytes a record, 64 an extent of a sparse file). Equal sets of attributes count once.
   */
  readonly metadataBytes: number;
  /** Decompressed bytes for each stored byte of a layer. */
  readonly ratio: number;
  /** Data extents of one sparse file. */
  readonly sparseExtents: number;
  /** Bytes of the largest zstd window or xz dictionary. */
  readonly windowBytes: number;
  /** Decompressed bytes of all layers, and apparent bytes of all files (holes included). */
  readonly totalBytes: number;
}

/**
 * Limits that real images never meet, and that no sink needs more than Node's usual heap for on a machine of 4 GB (2 GB):
 * docs/decisions/0051.
 */
export const DEFAULT_LIMITS: MergeLimits = {
  entries: 2_000_000,
  pathBytes: 4096,
  pathDepth: 1024,
  paxHeaderBytes: 1024 * 1024,
  xattrBytes: 1024 * 1024,
  metadataBytes: 256 * 1024 * 1024,
  ratio: 40_000,
  sparseExtents: 262_144,
  windowBytes: 2 * 1024 ** 3,
  totalBytes: 1024 ** 4,
};
