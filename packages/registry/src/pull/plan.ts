import { isOcirenderError, LimitError, type Platform } from '@ocirender/interface';
import { type Descriptor, kindOfMediaType } from '@ocirender/oci-layout/documents';
import type { RegistryClient } from '../client.ts';
import { asManifest, type FetchedManifest } from '../manifest-fetch.ts';
import { resolveImage } from '../open-image.ts';
import type { RegistryReference } from '../reference.ts';

/** One blob to pull. */
export interface PlannedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** `other`: an index names it, and it is nothing that we know. */
  readonly kind: 'config' | 'layer' | 'other';
  /** Of `other` only. */
  readonly mediaType?: string;
  /** Places outside of the registry that its descriptor names. */
  readonly urls?: readonly string[];
}

/** Something that an index names and that cannot be fetched. */
export interface PassedOver {
  readonly digest: string;
  readonly mediaType: string;
  readonly reason: string;
}

/** What a pull fetches. */
export interface PullPlan {
  /** What the reference leads to: the entry of `index.json`. */
  readonly top: FetchedManifest;
  /** Undefined for an index. */
  readonly platform: Platform | undefined;
  /** Everything that has arrived already; stored last, so that what a manifest names is there before it. */
  readonly manifests: readonly StoredDocument[];
  /** Each digest once. */
  readonly blobs: readonly PlannedBlob[];
}

/** A document as it is stored: an index, a manifest, or what else an index may name. */
type StoredDocument = Pick<FetchedManifest, 'digest' | 'bytes'>;

/** Plans the pull of one platform's image. */
export async function planImage(
  client: RegistryClient,
  reference: RegistryReference,
  platform: Platform | undefined,
  signal: AbortSignal | undefined,
): Promise<PullPlan> {
  const image = await resolveImage(client, reference, platform, signal);
  const { manifest } = image;
  return { top: manifest, platform: image.platform, manifests: [manifest], blobs: blobsOf([manifest]) };
}

/**
 * Plans the pull of everything below an index: all platforms, and attestations too. What is of an unfamiliar media
 * type is taken as it is, from where manifests or else where blobs are.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md "implementations … MUST NOT generate an
 * error" for unknown media types
 */
export async function planEverything(
  client: RegistryClient,
  reference: RegistryReference,
  signal: AbortSignal | undefined,
): Promise<PullPlan> {
  const { repository } = reference;
  const { indexDepth, manifests: maximum } = client.limits;
  const top = await client.getManifest(reference, signal);
  const manifests: StoredDocument[] = [];
  const images: FetchedManifest[] = [];
  const others: PlannedBlob[] = [];
  const seen = new Set([top.digest]);
  let level = [top];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > indexDepth) throw new LimitError('indexDepth', indexDepth, 'indexes are nested too deep');
    const wanted: Descriptor[] = [];
    for (const { document } of level) {
      if (document.kind !== 'index') continue;
      for (const descriptor of document.manifests) {
        if (seen.has(descriptor.digest)) continue;
        seen.add(descriptor.digest);
        if (seen.size > maximum)
          throw new LimitError('manifests', maximum, 'the indexes hold too many descriptors');
        wanted.push(descriptor);
      }
    }
    // Below comes first: nothing on disk shall name what is not there yet.
    manifests.unshift(...level);
    images.push(...level);
    level = [];
    for (const descriptor of wanted) {
      const found = await fetchNamed(client, repository, descriptor, signal);
      if (found === undefined) others.push(blobOf(descriptor, 'other'));
      else if ('document' in found) level.push(found);
      else manifests.unshift(found);
    }
  }
  return { top, platform: undefined, manifests, blobs: [...blobsOf(images), ...others] };
}

/** What may be wrong with a document that is none of ours. */
const NOT_OURS: ReadonlySet<string> = new Set([
  'ERR_OCIRENDER_INVALID_IMAGE',
  'ERR_OCIRENDER_INVALID_DIGEST',
  'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
]);

/**
 * Fetches what an index names.
 *
 * @returns a manifest or index; of an unfamiliar type perhaps only bytes; undefined for what is to be looked for among
 * the blobs
 */
async function fetchNamed(
  client: RegistryClient,
  repository: string,
  { digest, size, mediaType }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<FetchedManifest | StoredDocument | undefined> {
  const request = { repository, digest, size, mediaType };
  const kind = kindOfMediaType(mediaType);
  if (mediaType === undefined || kind === 'index' || kind === 'manifest')
    return client.getManifest(request, signal);
  if (size > client.limits.documentBytes) return undefined;
  try {
    const fetched = await client.getDocument(request, signal);
    try {
      return asManifest(fetched, { what: `manifest ${digest}`, mediaType, limits: client.limits });
    } catch (error) {
      if (isOcirenderError(error) && NOT_OURS.has(error.code)) return fetched;
      throw error;
    }
  } catch (error) {
    if (isOcirenderError(error) && error.code === 'ERR_OCIRENDER_NOT_FOUND') return undefined;
    throw error;
  }
}

function blobOf({ digest, size, urls, mediaType }: Descriptor, kind: PlannedBlob['kind']): PlannedBlob {
  return {
    digest,
    size,
    kind,
    ...(kind === 'other' && mediaType !== undefined ? { mediaType } : {}),
    ...(urls === undefined ? {} : { urls }),
  };
}

function blobsOf(manifests: readonly FetchedManifest[]): PlannedBlob[] {
  const blobs = new Map<string, PlannedBlob>();
  for (const { document } of manifests) {
    if (document.kind !== 'manifest') continue;
    const { config, layers } = document;
    const add = (descriptor: Descriptor, kind: PlannedBlob['kind']): void => {
      if (!blobs.has(descriptor.digest)) blobs.set(descriptor.digest, blobOf(descriptor, kind));
    };
    add(config, 'config');
    for (const layer of layers) add(layer, 'layer');
  }
  return [...blobs.values()];
}
