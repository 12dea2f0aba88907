import { isOcirenderError, LimitError, OcirenderError, type Platform } from '@ocirender/interface';
import { formatPlatform, hostPlatform, type LayoutLimits } from '@ocirender/oci-layout';
import {
  type Descriptor,
  hasTarLayers,
  isAttestation,
  kindOfMediaType,
  mayBeJson,
  parseConfig,
  platformDistance,
  printable,
} from '@ocirender/oci-layout/documents';
import type { FetchedManifest } from './manifest-fetch.ts';

/** Fetches what a choice depends on. */
export interface ManifestSource {
  readonly limits: LayoutLimits;
  manifest(descriptor: Descriptor): Promise<FetchedManifest>;
  /** A config; size and digest are verified. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
}

/** A manifest, and the platform by which an index names it. */
export interface ChosenManifest {
  readonly manifest: FetchedManifest;
  readonly platform: Platform | undefined;
}

/** Manifests that do not say their platform in the index, and are looked into for it. */
const MAX_EXAMINED = 32;
const MAX_LISTED = 24;

/**
 * Chooses the manifest for a platform: the image that an index names for it, or for the nearest older variant. A
 * manifest that no index leads to is taken as it is.
 *
 * @param top - what the reference names
 * @param wanted - undefined when the user named no platform
 * @throws {OcirenderError} `ERR_OCIRENDER_NO_PLATFORM`, `ERR_OCIRENDER_NOT_FOUND` for an index without images
 */
export async function chooseManifest(
  top: FetchedManifest,
  wanted: Platform | undefined,
  source: ManifestSource,
): Promise<ChosenManifest> {
  if (top.document.kind === 'manifest') return { manifest: top, platform: undefined };
  const choose = async (image: Descriptor): Promise<ChosenManifest> => ({
    manifest: await source.manifest(image),
    platform: image.platform,
  });
  const platform = wanted ?? hostPlatform();
  const { familiar, unfamiliar } = await imagesBelow(top, source);
  // What has an unfamiliar type may still be a manifest; it counts where there is nothing better.
  const images = familiar.length > 0 ? familiar : await readable(unfamiliar, source);
  const best = nearest(images, platform);
  if (best !== undefined) return choose(best);
  const unnamed = images.filter((image) => image.platform === undefined);
  // An index of one image that says nothing of its platform: there is nothing else that could be meant.
  if (wanted === undefined && images.length === 1 && unnamed.length === 1) return choose(unnamed[0]!);
  const examined: Descriptor[] = [];
  const silent: Descriptor[] = [];
  let unreadable: OcirenderError | undefined;
  for (const image of unnamed.slice(0, MAX_EXAMINED)) {
    const found = await examine(image, source);
    if (found === undefined) continue;
    if (isOcirenderError(found)) unreadable ??= found;
    else if (found.platform === undefined) silent.push(image);
    else examined.push({ ...image, platform: found.platform });
  }
  const second = nearest(examined, platform);
  if (second !== undefined) return choose(second);
  const isOnly = images.length === unnamed.length && silent.length + examined.length === 1;
  if (wanted === undefined && isOnly && unreadable === undefined) return choose(silent[0] ?? examined[0]!);
  // What could not be read might have been the one.
  if (unreadable !== undefined) throw unreadable;
  if (images.length === 0) {
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `the index ${top.digest} names no image`);
  }
  const named = [...images, ...examined].flatMap((image) =>
    image.platform === undefined ? [] : [image.platform],
  );
  const list = [...new Set(named.map((offered) => printable(formatPlatform(offered))))];
  const more = list.length > MAX_LISTED ? `, and ${list.length - MAX_LISTED} more` : '';
  throw new OcirenderError(
    'ERR_OCIRENDER_NO_PLATFORM',
    `the index ${top.digest} has nothing for ${printable(formatPlatform(platform))}`,
    {
      hint: `There is: ${list.slice(0, MAX_LISTED).join(', ') || 'nothing with a known platform'}${more}. Choose one with --platform (option platform).`,
    },
  );
}

function nearest(images: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  let best: { image: Descriptor; distance: number } | undefined;
  for (const image of images) {
    const distance = image.platform && platformDistance(platform, image.platform);
    if (distance !== undefined && (best === undefined || distance < best.distance))
      best = { image, distance };
  }
  return best?.image;
}

/** Gathers the images of an index and of the indexes in it, breadth first; depth and number are limited. */
async function imagesBelow(
  top: FetchedManifest,
  source: ManifestSource,
): Promise<{ familiar: Descriptor[]; unfamiliar: Descriptor[] }> {
  const { indexDepth, manifests } = source.limits;
  const familiar: Descriptor[] = [];
  const unfamiliar: Descriptor[] = [];
  const seen = new Set<string>([top.digest]);
  let level: FetchedManifest[] = [top];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > indexDepth) throw new LimitError('indexDepth', indexDepth, 'indexes are nested too deep');
    const next: FetchedManifest[] = [];
    for (const { document } of level) {
      if (document.kind !== 'index') continue;
      for (const descriptor of document.manifests) {
        if (seen.has(descriptor.digest) || isAttestation(descriptor)) continue;
        seen.add(descriptor.digest);
        if (seen.size > manifests)
          throw new LimitError('manifests', manifests, 'the indexes hold too many descriptors');
        const kind = kindOfMediaType(descriptor.mediaType);
        if (kind === 'index') next.push(await source.manifest(descriptor));
        else if (kind !== undefined || descriptor.mediaType === undefined) familiar.push(descriptor);
        // "Implementations … MUST NOT generate an error" for unknown media types.
        else if (mayBeJson(descriptor.mediaType)) unfamiliar.push(descriptor);
      }
    }
    level = next;
  }
  return { familiar, unfamiliar };
}

/** What is found where something of an unfamiliar type is no manifest, or is not where manifests are. */
const NO_MANIFEST: ReadonlySet<string> = new Set([
  'ERR_OCIRENDER_INVALID_IMAGE',
  'ERR_OCIRENDER_NOT_FOUND',
  'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
]);

/** Those that turn out to be manifests of images. */
async function readable(descriptors: readonly Descriptor[], source: ManifestSource): Promise<Descriptor[]> {
  const images: Descriptor[] = [];
  for (const descriptor of descriptors.slice(0, MAX_EXAMINED)) {
    try {
      const { document } = await source.manifest(descriptor);
      if (document.kind === 'manifest' && hasTarLayers(document)) images.push(descriptor);
    } catch (error) {
      if (!isOcirenderError(error) || !NO_MANIFEST.has(error.code)) throw error;
    }
  }
  return images;
}

/**
 * Finds the platform of an image in its config.
 *
 * @returns undefined for an artifact; the error of what cannot be had or read
 */
async function examine(
  descriptor: Descriptor,
  source: ManifestSource,
): Promise<{ readonly platform: Platform | undefined } | OcirenderError | undefined> {
  try {
    const { document, digest } = await source.manifest(descriptor);
    if (document.kind !== 'manifest' || !hasTarLayers(document)) return undefined;
    const bytes = await source.document(document.config);
    return {
      platform: parseConfig(bytes, `config of ${digest}`, document.layers.length, source.limits).platform,
    };
  } catch (error) {
    if (isOcirenderError(error) && NO_MANIFEST.has(error.code)) return error;
    throw error;
  }
}
