import { LimitError, type Platform } from '@ocirender/interface';
import type { Descriptor } from '@ocirender/oci-layout/documents';
import type { RegistryClient } from '../client.ts';
import type { FetchedManifest } from '../manifest-fetch.ts';
import { resolveImage } from '../open-image.ts';
import type { RegistryReference } from '../reference.ts';

/** One blob to pull. */
export interface PlannedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly kind: 'config' | 'layer';
}

/** What a pull fetches. */
export interface PullPlan {
  /** What the reference leads to: the entry of `index.json`. */
  readonly top: FetchedManifest;
  /** Undefined for an index. */
  readonly platform: Platform | undefined;
  /** Everything that has arrived already; stored last, so that what a manifest names is there before it. */
  readonly manifests: readonly FetchedManifest[];
  /** Each digest once. */
  readonly blobs: readonly PlannedBlob[];
}

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

/** Plans the pull of everything below an index: all platforms, and attestations too. */
export async function planEverything(
  client: RegistryClient,
  reference: RegistryReference,
  signal: AbortSignal | undefined,
): Promise<PullPlan> {
  const { repository } = reference;
  const { indexDepth, manifests: maximum } = client.limits;
  const top = await client.getManifest(reference, signal);
  const manifests: FetchedManifest[] = [];
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
    level = [];
    for (const { digest, size, mediaType } of wanted) {
      level.push(await client.getManifest({ repository, digest, size, mediaType }, signal));
    }
  }
  return { top, platform: undefined, manifests, blobs: blobsOf(manifests) };
}

function blobsOf(manifests: readonly FetchedManifest[]): PlannedBlob[] {
  const blobs = new Map<string, PlannedBlob>();
  for (const { document } of manifests) {
    if (document.kind !== 'manifest') continue;
    const { config, layers } = document;
    const add = ({ digest, size }: Descriptor, kind: PlannedBlob['kind']): void => {
      if (!blobs.has(digest)) blobs.set(digest, { digest, size, kind });
    };
    add(config, 'config');
    for (const layer of layers) add(layer, 'layer');
  }
  return [...blobs.values()];
}
