/**
 * Compares two forms of an image, and the sink `verify`, which compares an image as it is merged.
 *
 * ```js
 * import { compareImages, renderComparison } from '@ocirender/sink-verify';
 *
 * const comparison = await compareImages(subject, reference, { ignore: ['mtime'] });
 * for (const line of renderComparison(comparison, { subject: 'a', reference: 'b' })) console.log(line);
 * ```
 *
 * @packageDocumentation
 */

export { compareImages } from './compare/compare-images.ts';
export { DOCKER_EXPORT_PATHS } from './compare/exclusions.ts';
export type { CompareLimits } from './compare/limits.ts';
export type { CompareOptions, CompareProgress } from './compare/options.ts';
export { ThreadImage } from './image/thread-image.ts';
export type { ImageLocation } from './image/thread-protocol.ts';
export { IMAGES_DIFFER, ImagesDifferError } from './images-differ-error.ts';
export { parseFields } from './parse-fields.ts';
export type { ComparedSide, Comparison, IgnoredPath, TimeComparison } from './report/comparison.ts';
export type { Difference, DifferenceField, DifferenceKind } from './report/difference.ts';
export { DIFFERENCE_FIELDS, DIFFERENCE_KINDS } from './report/difference.ts';
export { jsonComparison } from './report/json-comparison.ts';
export type { ComparisonLabels } from './report/render-comparison.ts';
export { renderComparison } from './report/render-comparison.ts';
export { verifySink } from './sink.ts';
