import { OcirenderError, type Platform } from '@ocirender/interface';
import type { BlobStore } from './blob-store.ts';
import {
  type Candidate,
  examine,
  isAttestation,
  isWhole,
  type Leaf,
  type Walk,
  walkIndexes,
} from './index-walk.ts';
import { printable } from './json.ts';
import type { Descriptor } from './manifest.ts';
import { findNamed, isOneRepository, latestOf } from './names.ts';
import { formatPlatform, hostPlatform, platformDistance } from './platform.ts';
import type { ImageReference } from './reference.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';

/** What the caller asked for. */
export interface Wanted {
  readonly reference: ImageReference;
  /** Undefined when the user did not name one. */
  readonly platform: Platform | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Every name that a descriptor carries. */
export function namesOf(descriptor: Descriptor): string[] {
  const names = [descriptor.annotations.get(REF_NAME), descriptor.annotations.get(CONTAINERD_NAME)];
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}

/** The name that tells an image from all others: Docker 25 writes the full one beside the bare tag. */
function fullNameOf({ annotations }: Descriptor): string {
  return annotations.get(CONTAINERD_NAME) || annotations.get(REF_NAME) || '';
}

/** Chooses the one manifest that a reference and a platform mean. */
export async function selectManifest(
  store: BlobStore,
  tops: readonly Descriptor[],
  wanted: Wanted,
): Promise<Descriptor> {
  const { tag, digest } = wanted.reference;
  const named = tag === undefined ? undefined : findNamed(tops, namesOf, tag);
  if (named?.length === 0) {
    throw new OcirenderError(
      'ERR_OCIRENDER_NOT_FOUND',
      `${wanted.reference.directory} has no image named "${printable(tag!)}"`,
      {
        hint: await listingHint(store, tops, wanted.signal),
      },
    );
  }
  if (digest !== undefined) {
    const found = await byDigest(store, named ?? tops, digest, wanted);
    return pick(store, await walkIndexes(store, [found], wanted.signal), wanted, false);
  }
  if (named !== undefined) {
    const digests = new Set(named.map((top) => top.digest));
    if (digests.size > 1 && !isOneRepository(named, namesOf)) {
      throw ambiguous(wanted, await listingHint(store, named, wanted.signal));
    }
    return pick(store, await walkIndexes(store, named, wanted.signal), wanted, false);
  }
  return byDefault(store, tops, wanted);
}

async function byDigest(
  store: BlobStore,
  tops: readonly Descriptor[],
  digest: string,
  wanted: Wanted,
): Promise<Descriptor> {
  const direct = tops.find((top) => top.digest === digest);
  if (direct !== undefined) return direct;
  const found = (await walkIndexes(store, tops, wanted.signal)).byDigest.get(digest);
  if (found !== undefined) return found.descriptor;
  const { tag, directory } = wanted.reference;
  if (tag !== undefined) {
    throw new OcirenderError(
      'ERR_OCIRENDER_NOT_FOUND',
      `"${printable(tag)}" in ${directory} is not ${digest}`,
      {
        hint: await listingHint(store, tops, wanted.signal),
      },
    );
  }
  // Not listed, but in the store: what a digest names is verified in any case.
  const what = `manifest ${digest}`;
  return { digest, size: await store.size(store.blobName(digest), what), annotations: new Map() };
}

/** Without tag or digest: the only image, or the one tagged latest where all are tags of one repository. */
async function byDefault(store: BlobStore, tops: readonly Descriptor[], wanted: Wanted): Promise<Descriptor> {
  const images = tops.filter((top) => !isAttestation(top));
  const sets = [images, latestOf(images, namesOf)];
  if (images.length > 1)
    sets.push((await candidatesOf(store, images, wanted.signal)).map(({ leaf }) => leaf.root));
  for (const set of sets) {
    const names = new Set(set.map(fullNameOf));
    const digests = new Set(set.map((top) => top.digest));
    if (set.length === 0 || (names.size > 1 && digests.size > 1)) continue;
    const roots = [...new Map(set.map((top) => [top.digest, top])).values()];
    return pick(store, await walkIndexes(store, roots, wanted.signal), wanted, names.has(''));
  }
  if (images.length === 0) {
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${wanted.reference.directory} lists no image`);
  }
  throw ambiguous(wanted, await listingHint(store, images, wanted.signal));
}

function ambiguous(wanted: Wanted, listing: string): OcirenderError {
  const { directory } = wanted.reference;
  return new OcirenderError('ERR_OCIRENDER_AMBIGUOUS', `${directory} holds more than one image`, {
    hint: `Name one as ${directory}:TAG or ${directory}@DIGEST. ${listing}`,
  });
}

/** Chooses by platform; `unnamed` images of equal rank are not variants of one, but different images. */
async function pick(store: BlobStore, walk: Walk, wanted: Wanted, unnamed: boolean): Promise<Descriptor> {
  const [only] = walk.leaves;
  if (only !== undefined && walk.leaves.length === 1 && !only.nested && walk.missing.length === 0) {
    // One image without an index: taken as it is. An explicit platform is compared when its config is read.
    return only.descriptor;
  }
  const candidates = await examineAll(store, walk.leaves, wanted.signal);
  const images = candidates.filter(({ isImage }) => isImage);
  const platform = wanted.platform ?? hostPlatform();
  const ranked = images
    .map((candidate) => ({
      candidate,
      distance: candidate.platform && platformDistance(platform, candidate.platform),
    }))
    .filter((entry): entry is { candidate: Candidate; distance: number } => entry.distance !== undefined)
    .sort((a, b) => a.distance - b.distance);
  const [best, second] = ranked;
  if (best !== undefined && !(await isWhole(store, best.candidate))) {
    const whole: Candidate[] = [];
    for (const image of images) if (await isWhole(store, image)) whole.push(image);
    if (whole.length > 0) throw notThere(wanted, best.candidate, whole);
  }
  if (best !== undefined) {
    if (
      unnamed &&
      second?.distance === best.distance &&
      isOtherImage(best.candidate.leaf, second.candidate.leaf)
    ) {
      throw ambiguous(wanted, listing(images));
    }
    return best.candidate.leaf.descriptor;
  }
  const unknown = images.filter((candidate) => candidate.platform === undefined);
  if (wanted.platform === undefined && images.length === 1 && unknown.length === 1)
    return images[0]!.leaf.descriptor;
  if (candidates.length > 0 && images.length === 0) return candidates[0]!.leaf.descriptor;
  // What could not be read might have been the one: that it is damaged or absent is the news then.
  const unreadable = unknown.find(({ error }) => error !== undefined);
  if (unreadable !== undefined) throw unreadable.error;
  throw noPlatform(wanted, platform, images, walk);
}

/** An index may name more than the store holds: `docker save` keeps the index, but one platform's image. */
function notThere(
  wanted: Wanted,
  { leaf, platform }: Candidate,
  whole: readonly Candidate[],
): OcirenderError {
  const { directory } = wanted.reference;
  return new OcirenderError(
    'ERR_OCIRENDER_NOT_FOUND',
    `${directory} names an image for ${printable(formatPlatform(platform!))}, but does not hold it: ${leaf.descriptor.digest}, or something that it names, is missing`,
    {
      hint: `It holds ${platforms(whole)}: choose that with --platform (option platform), or save the image again for the platform that you want.`,
    },
  );
}

function isOtherImage(a: Leaf, b: Leaf): boolean {
  return a.descriptor.digest !== b.descriptor.digest && a.root.digest !== b.root.digest;
}

function noPlatform(
  wanted: Wanted,
  platform: Platform,
  images: readonly Candidate[],
  walk: Walk,
): OcirenderError {
  const { directory } = wanted.reference;
  if (images.length === 0) {
    const [missing] = walk.missing;
    const [other] = walk.others;
    if (other !== undefined && missing === undefined) {
      return new OcirenderError(
        'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
        `${other.digest} is neither a manifest nor an index, but ${printable(other.mediaType ?? 'unknown')}`,
      );
    }
    return new OcirenderError(
      'ERR_OCIRENDER_NOT_FOUND',
      missing === undefined
        ? `${directory} lists no image there`
        : `${directory} is incomplete: the index ${missing.digest} is missing`,
    );
  }
  return new OcirenderError(
    'ERR_OCIRENDER_NO_PLATFORM',
    `the image in ${directory} has nothing for ${printable(formatPlatform(platform))}`,
    { hint: `There is: ${platforms(images)}. Choose one with --platform (option platform).` },
  );
}

/** Examines manifests one after the other. */
async function examineAll(
  store: BlobStore,
  leaves: readonly Leaf[],
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const leaf of leaves) candidates.push(await examine(store, leaf, signal));
  return candidates;
}

/** Every image below some descriptors, with what is known of it. */
export async function candidatesOf(
  store: BlobStore,
  tops: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const roots = tops.filter((top) => !isAttestation(top));
  const { leaves } = await walkIndexes(store, roots, signal);
  return (await examineAll(store, leaves, signal)).filter(({ isImage }) => isImage);
}

const MAX_LISTED = 24;

async function listingHint(
  store: BlobStore,
  tops: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<string> {
  return listing(await candidatesOf(store, tops, signal));
}

function listing(candidates: readonly Candidate[]): string {
  const roots = new Map<Descriptor, Candidate[]>();
  for (const candidate of candidates) {
    const siblings = roots.get(candidate.leaf.root);
    if (siblings === undefined) roots.set(candidate.leaf.root, [candidate]);
    else siblings.push(candidate);
  }
  const lines = [...roots].map(([root, images]) => {
    const names = namesOf(root).map(printable).join(' = ');
    return `${names === '' ? `@${root.digest}` : names} (${platforms(images)})`;
  });
  if (lines.length === 0) return 'It holds no image.';
  return `There is: ${shorten(lines).join(', ')}.`;
}

function platforms(candidates: readonly Candidate[]): string {
  const names = candidates.map(({ platform }) =>
    platform === undefined ? 'platform unknown' : printable(formatPlatform(platform)),
  );
  return shorten([...new Set(names)]).join(', ');
}

function shorten(items: readonly string[]): string[] {
  return items.length <= MAX_LISTED
    ? [...items]
    : [...items.slice(0, MAX_LISTED), `and ${items.length - MAX_LISTED} more`];
}
