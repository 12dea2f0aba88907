import { OcirenderError } from '@ocirender/interface';
import type { Comparison } from './report/comparison.ts';
import { jsonComparison } from './report/json-comparison.ts';

/** The code of {@link ImagesDifferError}. */
export const IMAGES_DIFFER = 'ERR_OCIRENDER_SINK_VERIFY_DIFFERENT';

/** The merged image is not what the reference says. */
export class ImagesDifferError extends OcirenderError {
  override readonly name = 'ImagesDifferError';
  /** What differs. */
  readonly comparison: Comparison;
  /** The same, ready for JSON. */
  readonly details: Comparison;

  /**
   * @param comparison - what was found
   * @param reference - what the user called the reference
   */
  constructor(comparison: Comparison, reference: string) {
    const count = comparison.differences.length + comparison.differencesDropped;
    super(
      IMAGES_DIFFER,
      `the image differs from ${reference}: ${count} ${count === 1 ? 'difference' : 'differences'}`,
    );
    this.comparison = comparison;
    this.details = jsonComparison(comparison);
  }
}
