import { DEFAULT_DECOMPRESS_LIMITS, type DecompressLimits } from '@ocirender/decompress';
import { DEFAULT_TAR_LIMITS, type TarLimits } from '@ocirender/tar-header';

/** Bounds on a hostile archive; exceeding one is a `LimitError` that names it. */
export interface TarArchiveLimits extends TarLimits, DecompressLimits {
  /** Members of the archive, and directories that they imply. */
  readonly entries: number;
  /** Components of a path, symbolic links in it resolved. */
  readonly pathDepth: number;
  /** Bytes of all members' names, link targets and attributes: they are held in memory. */
  readonly metadataBytes: number;
}

/** Limits that real archives never meet. */
export const DEFAULT_ARCHIVE_LIMITS: Readonly<TarArchiveLimits> = {
  ...DEFAULT_TAR_LIMITS,
  ...DEFAULT_DECOMPRESS_LIMITS,
  entries: 2_000_000,
  pathDepth: 1024,
  metadataBytes: 512 * 1024 * 1024,
};
