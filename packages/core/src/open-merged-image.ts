import { type Image, type ImageSource, summarizeTree } from '@ocirender/interface';
import { type MergeObserver, mergeLayers } from '@ocirender/overlay';
import { DigestSession } from './digest-session.ts';
import { LayerRefs } from './layer-refs.ts';
import { mergeChoices, type OpenMergedOptions } from './merged-options.ts';
import { MergedSource } from './merged-source.ts';
import { ProgressMeter } from './progress-meter.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';

/**
 * Opens an image for reading: merges its layers in memory, writing nothing. Every layer is read once now, to its end, so
 * that all digests are checked; contents are read again when they are asked for, from the newest layer down to the oldest that is
 * needed, and no further than the last that is wanted.
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
  const refs = new LayerRefs();
  const meter = new ProgressMeter(image.layers, options.onProgress);
  const observer: MergeObserver = {
    phase(phase) {
      if (phase === 'settle') refs.startAgain(session.count);
      meter.phase(phase);
    },
    layerStart(index) {
      refs.start(index, session.count);
      meter.layerStart(index);
    },
    layerBytes: (index, bytes) => meter.layerBytes(index, bytes),
    layerEnd: (index, layer) => meter.layerEnd(index, layer),
  };
  const { tree } = await mergeLayers({
    ...choices,
    layers: image.layers,
    openSession: () => Promise.resolve(session),
    ...(signal === undefined ? {} : { signal }),
    ...(onDiagnostic === undefined ? {} : { diagnose: onDiagnostic }),
    observer,
  });
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
  return new MergedSource({ image, tree, choices, session, refs, digests, facts });
}
