/**
 * OCI image in, filesystem image, tar archive or directory out; or read as it is.
 *
 * @packageDocumentation
 */

export { convertToDir, convertToExt4, convertToSquashfs, convertToTar } from './conveniences.ts';
export { convert } from './convert.ts';
export type { OpenMergedOptions } from './merged-options.ts';
export { openMergedImage } from './open-merged-image.ts';
export type { ConvertOptions, ConvertSettings } from './options.ts';
export type { Phase, ProgressEvent, ProgressHandler } from './progress.ts';
export type { ConvertReport, LayerReport } from './report.ts';
