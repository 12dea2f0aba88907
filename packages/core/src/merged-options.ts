import type { DiagnosticHandler } from '@ocirender/interface';
import type { LayerMemory, MergeLimits, MergeOptions, MergePolicy } from '@ocirender/overlay';
import type { ProgressHandler } from './progress.ts';

/** What {@link openMergedImage} takes besides the image: of what {@link convert} takes, all that concerns merging. */
export interface OpenMergedOptions extends Partial<MergePolicy> {
  /**
   * Hash each file's contents while the layers are read ({@link ImageNode.sha256}): it spares whoever compares a second
   * pass. @defaultValue true
   */
  readonly digests?: boolean;
  /** Limits on hostile input. */
  readonly limits?: Partial<MergeLimits>;
  /** Seconds since the epoch for directories that no layer describes. @defaultValue `SOURCE_DATE_EPOCH` or 0 */
  readonly sourceDateEpoch?: number;
  /** Where what layers say is kept: a layer that is known is not read. */
  readonly cache?: LayerMemory;
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressHandler;
  readonly onDiagnostic?: DiagnosticHandler;
}

/** How layers are merged, the same each time that they are read. */
export type MergeChoices = Pick<MergeOptions, 'policy' | 'limits' | 'sourceDateEpoch'>;

/**
 * Takes the choices that decide what a merged image is from those of a caller.
 *
 * @param options - what the caller has set
 * @param sourceDateEpoch - in force
 * @returns the choices
 */
export function mergeChoices(options: OpenMergedOptions, sourceDateEpoch: number): MergeChoices {
  const { lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices, limits = {} } = options;
  const policy: Partial<MergePolicy> = Object.fromEntries(
    Object.entries({ lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return { policy, limits, sourceDateEpoch };
}
