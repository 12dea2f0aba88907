import { type Image, type ImageSource, summarizeTree } from '@ocirender/interface';
import { mergeLayers } from '@ocirender/overlay';
import { DigestSession } from './digest-session.ts';
import { mergeChoices, type OpenMergedOptions } from './merged-options.ts';
import { MergedSource } from './merged-source.ts';
import { ProgressMeter } from './progress-meter.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';

/**
 * Opens an image for reading: merges its layers in memory, writing nothing. Every layer is read once now, to its end, so
 * that all digests are checked, unless its headers are known and contents are not wanted yet. Contents are read when they are asked
 * for, of the layers that have them, and no further than the last that is wanted; what was not checked before is read to its end.
 *
 * @param image - from `openImage` of `@ocirender/oci-layout`, or any other source of layers
 * @param options - choices, limits, signal, progress, diagnostics
 * @returns the merged image; to close it closes the image that was given
 * @throws {OcirenderError} for whatever is wrong with the image, as `convert`
 */
export async function openMergedImage(image: Image, options: OpenMergedOptions = {}): Promise<ImageSource> {
  const { digests = true, signal, onDiagnostic } = options;
  const choices = mergeChoices(options, sourceDateEpoch(options.sourceDateEpoch));
  const session = new DigestSession(digests);
  const meter = new ProgressMeter(image.layers, options.onProgress);
  const { tree, layers: merged } = await mergeLayers({
    ...choices,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    layers: image.layers,
    openSession: () => Promise.resolve(session),
    ...(signal === undefined ? {} : { signal }),
    ...(onDiagnostic === undefined ? {} : { diagnose: onDiagnostic }),
    observer: meter,
  });
  const unchecked = new Set(merged.flatMap(({ fromCache }, index) => (fromCache ? [index] : [])));
  meter.finish();
  const { manifestDigest, platform, layers } = image;
  const { entries, bytes } = summarizeTree(tree);
  const facts = {
    reference: image.reference,
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(platform === undefined
      ? {}
      : { platform: [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/') }),
    layers: layers.length,
    layerBytes: layers.reduce((sum, { size }) => sum + size, 0),
    entries,
    bytes,
  };
  return new MergedSource({ image, tree, limits: choices.limits ?? {}, session, unchecked, digests, facts });
}
