import {
  type Diagnostic,
  type FileInode,
  type Image,
  type ImageSource,
  summarizeTree,
} from '@ocirender/interface';
import { type MergeResult, mergeLayers } from '@ocirender/overlay';
import { DigestSession } from './digest-session.ts';
import { KnownDigests, keepDigests } from './known-digests.ts';
import type { OpenMergedOptions } from './merged-options.ts';
import { MergedSource } from './merged-source.ts';
import { policyOf } from './policy-of.ts';
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
  const { digests = true, cache, lenient = false } = options;
  const known =
    digests && cache !== undefined ? await KnownDigests.find(image.layers, cache, lenient) : undefined;
  if (known !== undefined) {
    const merged = await mergeKnown(image, known, options);
    if (merged !== undefined) return sourceOf(image, merged, options, (inode) => known.get(inode));
  }
  const session = new DigestSession(digests);
  const merged = await merge(image, session, options);
  // A wrong diff_id may have been let pass: nothing is known of its tar then.
  if (digests && cache !== undefined && !lenient)
    await keepDigests(merged.tree, image.layers, session, cache);
  return sourceOf(image, merged, options, ({ content }) =>
    content === undefined ? undefined : session.digest(content),
  );
}

/** Merges headers only; undefined when not all contents that show then are known: all has to be read. */
async function mergeKnown(
  image: Image,
  known: KnownDigests,
  options: OpenMergedOptions,
): Promise<Pick<MergeResult, 'tree' | 'layers'> | undefined> {
  const told: Diagnostic[] = [];
  let isEnough = true;
  try {
    const merged = await merge(image, new DigestSession(false), {
      ...options,
      onDiagnostic: (diagnostic) => told.push(diagnostic),
    });
    isEnough = known.cover(merged.tree);
    return isEnough ? merged : undefined;
  } finally {
    // Whoever merges again is told again.
    if (isEnough) for (const diagnostic of told) options.onDiagnostic?.(diagnostic);
  }
}

async function merge(
  image: Image,
  session: DigestSession,
  options: OpenMergedOptions,
): Promise<Pick<MergeResult, 'tree' | 'layers'>> {
  const { cache, signal, onDiagnostic } = options;
  const meter = new ProgressMeter(image.layers, options.onProgress);
  const merged = await mergeLayers({
    policy: policyOf(options),
    limits: options.limits ?? {},
    sourceDateEpoch: sourceDateEpoch(options.sourceDateEpoch),
    ...(cache === undefined ? {} : { cache }),
    layers: image.layers,
    openSession: () => Promise.resolve(session),
    ...(signal === undefined ? {} : { signal }),
    ...(onDiagnostic === undefined ? {} : { diagnose: onDiagnostic }),
    observer: meter,
  });
  meter.finish();
  return merged;
}

function sourceOf(
  image: Image,
  { tree, layers: merged }: Pick<MergeResult, 'tree' | 'layers'>,
  { digests = true, limits = {} }: OpenMergedOptions,
  digestOf: (file: FileInode) => string | undefined,
): ImageSource {
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
  const unchecked = new Set(merged.flatMap(({ fromCache }, index) => (fromCache ? [index] : [])));
  return new MergedSource({ image, tree, limits, unchecked, ...(digests ? { digestOf } : {}), facts });
}
