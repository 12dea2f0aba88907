/**
 * OCI image in, filesystem image, tar archive or directory out.
 *
 * @packageDocumentation
 */

export { convertToDir, convertToSquashfs, convertToTar } from './conveniences.ts';
export { convert } from './convert.ts';
export type { ConvertOptions, ConvertSettings, SourceSettings } from './options.ts';
export type { Phase, ProgressEvent, ProgressHandler } from './progress.ts';
export type { ConvertReport, LayerReport } from './report.ts';
