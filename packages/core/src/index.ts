/**
 * OCI image in, filesystem image, tar archive or directory out; or read as it is.
 *
 * @packageDocumentation
 */

export { convertToDir, convertToExt4, convertToSquashfs, convertToTar } from './conveniences.ts';
export { convert } from './convert.ts';
export type { OpenMergedOptions } from './merged-options.ts';
export { openMergedImage } from './open-merged-image.ts';
export type { ConvertOptions, ConvertSettings, SourceSettings } from './options.ts';
export type { Phase, ProgressEvent, ProgressHandler } from './progress.ts';
export type { CacheReport, ConvertReport, LayerReport } from './report.ts';
export type { ArrivingLayer } from './streaming/convert-stream.ts';
export {
  convertStreamToDir,
  convertStreamToExt4,
  convertStreamToSquashfs,
  convertStreamToTar,
} from './streaming/convert-stream.ts';
export type { LayerData, LayerMetadata } from './streaming/layer-slot.ts';
export type {
  StreamingPackerEvents,
  StreamingPackerOptions,
  StreamingSettings,
} from './streaming/streaming-packer.ts';
export { StreamingPacker } from './streaming/streaming-packer.ts';
