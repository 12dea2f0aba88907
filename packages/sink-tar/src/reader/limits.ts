import { DEFAULT_DECOMPRESS_LIMITS, type DecompressLimits } from '@ocirender/decompress';
import { DEFAULT_TAR_LIMITS, type TarLimits } from '@ocirender/tar-header';

/** Bounds on a hostile archive; exceeding one is a `LimitError` that names it. */
export interface TarArchiveLimits extends TarLimits, DecompressLimits {
  /** Members of the archive, and directories that they imply. */
  readonly entries: number;
  /** Components of a path, symbolic links in it resolved. */
  readonly pathDepth: number;
  /** Memory for all members' names, link targets, attributes and PAX records, in bytes. */
  readonly metadataBytes: number;
}

/** Limits that real archives never meet. */
export const DEFAULT_ARCHIVE_LIMITS: Readonly<TarArchiveLimits> = {
  ...DEFAULT_TAR_LIMITS,
  ...DEFAULT_DECOMPRESS_LIMITS,
  entries: 2_000_000,
  pathDepth: 1024,
  metadataBytes: 256 * 1024 * 1024,
};
