import type { DiagnosticHandler } from '@ocirender/interface';
import type { LayerMemory, MergeLimits, MergePolicy } from '@ocirender/overlay';
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
