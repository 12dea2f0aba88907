import type { DifferenceField } from '../report/difference.ts';
import type { CompareLimits } from './limits.ts';

/** How far a comparison is. */
export interface CompareProgress {
  /** `names`: reading both trees; `contents`: hashing; `offsets`: looking for first differing bytes. */
  readonly phase: 'names' | 'contents' | 'offsets';
  /** Bytes of contents read so far, of both sides. */
  readonly bytes: number;
  /** Bytes of contents to read, of both sides; 0 while that is not known. */
  readonly totalBytes: number;
}

/** What {@link compareImages} can be told. */
export interface CompareOptions {
  /** Fields that do not count. @defaultValue none */
  readonly ignore?: readonly DifferenceField[];
  /**
   * Globs of paths that do not count, nor what is below them: matched against the whole path from the root, in bytes
   * (`?` is one byte). `*` does not cross a slash, `**` does.
   */
  readonly exclude?: readonly string[];
  /** Leave out what `docker export` adds at run time. @defaultValue false */
  readonly dockerExport?: boolean;
  /** Differences to keep; more are counted. @defaultValue 10000 */
  readonly maxDifferences?: number;
  /** Limits that differ from the defaults; a {@link ThreadImage} has its own for paths. */
  readonly limits?: Partial<CompareLimits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CompareProgress) => void;
}

/** Default of `maxDifferences`. */
export const DEFAULT_MAX_DIFFERENCES = 10_000;
