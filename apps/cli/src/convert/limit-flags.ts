import type { ConvertSettings } from '@ocirender/core';

/** Names of the engine's limits. */
export type LimitName = keyof NonNullable<ConvertSettings['limits']>;

/** How a limit is set on the command line. */
export interface LimitFlag {
  readonly flag: string;
  readonly unit: 'count' | 'bytes';
  readonly summary: string;
  /** What helps better than a higher limit. */
  readonly instead?: string;
}

/** Every limit of the engine and its flag. */
export const LIMIT_FLAGS: Readonly<Record<LimitName, LimitFlag>> = {
  entries: { flag: 'max-entries', unit: 'count', summary: 'archive members of all layers' },
  pathBytes: { flag: 'max-path-length', unit: 'bytes', summary: 'bytes of a path or link target' },
  pathDepth: { flag: 'max-path-depth', unit: 'count', summary: 'components of a path' },
  paxHeaderBytes: { flag: 'max-pax-header', unit: 'bytes', summary: "bytes of one entry's PAX headers" },
  xattrBytes: { flag: 'max-xattrs', unit: 'bytes', summary: "bytes of one entry's extended attributes" },
  ratio: { flag: 'max-ratio', unit: 'count', summary: 'decompressed bytes for each stored byte of a layer' },
  sparseExtents: {
    flag: 'max-sparse-extents',
    unit: 'count',
    summary: 'data extents of one sparse file',
  },
  windowBytes: { flag: 'max-window', unit: 'bytes', summary: 'largest zstd window or xz dictionary' },
  fallbackFrameBytes: {
    flag: 'max-zstd-frame',
    unit: 'bytes',
    summary: 'bytes of one zstd frame, which Node before 22.15 holds whole',
    instead: 'Use Node 22.15 or newer.',
  },
  metadataBytes: {
    flag: 'max-metadata-size',
    unit: 'bytes',
    summary: 'names, attributes and PAX records of all entries',
  },
  totalBytes: { flag: 'max-total-size', unit: 'bytes', summary: 'decompressed bytes of all layers' },
};

/** The names of {@link LIMIT_FLAGS}. */
export const LIMIT_NAMES: readonly LimitName[] = Object.keys(LIMIT_FLAGS) as LimitName[];
