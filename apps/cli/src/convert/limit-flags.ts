import type { ConvertSettings, SourceSettings } from '@ocirender/core';

/** Names of the engine's limits. */
export type MergeLimitName = keyof NonNullable<ConvertSettings['limits']>;

/** Names of the limits on documents and archives of images. */
export type SourceLimitName = keyof NonNullable<SourceSettings['limits']>;

/** Names of all limits that the command line sets. */
export type LimitName = MergeLimitName | SourceLimitName;

/** How a limit is set on the command line. */
export interface LimitFlag {
  readonly flag: string;
  readonly unit: 'count' | 'bytes';
  readonly summary: string;
}

/** Every limit of the engine and its flag. */
export const MERGE_LIMIT_FLAGS: Readonly<Record<MergeLimitName, LimitFlag>> = {
  entries: {
    flag: 'max-entries',
    unit: 'count',
    summary: 'archive members of all layers and the directories that their names imply',
  },
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
  metadataBytes: {
    flag: 'max-metadata-size',
    unit: 'bytes',
    summary: 'memory for the names, attributes and PAX records of all entries [default: 256M]',
  },
  totalBytes: { flag: 'max-total-size', unit: 'bytes', summary: 'decompressed bytes of all layers' },
};

/** The limits on where an image comes from: an index, a layout, a registry, an archive. */
export const SOURCE_LIMIT_FLAGS: Readonly<Record<SourceLimitName, LimitFlag>> = {
  documentBytes: {
    flag: 'max-document-size',
    unit: 'bytes',
    summary: 'bytes of an index, manifest or config',
  },
  indexDepth: { flag: 'max-index-depth', unit: 'count', summary: 'indexes within indexes' },
  manifests: { flag: 'max-manifests', unit: 'count', summary: 'descriptors in all indexes together' },
  layers: { flag: 'max-layers', unit: 'count', summary: 'layers of one image' },
  members: { flag: 'max-archive-members', unit: 'count', summary: 'members of an archive of images' },
  nameBytes: {
    flag: 'max-archive-names',
    unit: 'bytes',
    summary: "bytes of all names of an archive's members",
  },
  spoolBytes: {
    flag: 'max-spool-size',
    unit: 'bytes',
    summary: 'bytes that a compressed archive or standard input takes on disk',
  },
};

/** Every limit of the command line. */
export const LIMIT_FLAGS: Readonly<Record<LimitName, LimitFlag>> = {
  ...MERGE_LIMIT_FLAGS,
  ...SOURCE_LIMIT_FLAGS,
};
