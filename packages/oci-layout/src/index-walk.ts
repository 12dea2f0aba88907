import {
  isOcirenderError,
  LimitError,
  type OcirenderError,
  type Platform,
  throwIfAborted,
} from '@ocirender/interface';
import type { BlobStore } from './blob-store.ts';
import { type Descriptor, type ManifestDocument, parseConfig, parseDocument } from './manifest.ts';
import { isImageConfig, isUnspecificConfig, kindOfMediaType, mayBeJson, mayBeTar } from './media-types.ts';

/** A manifest found from a root descriptor. */
export interface Leaf {
  readonly descriptor: Descriptor;
  /** The root from which it was reached. */
  readonly root: Descriptor;
  /** Whether an index lies between. */
  readonly nested: boolean;
}

/** What lies below some descriptors: `walkIndexes`. */
export interface Walk {
  /** Manifests in document order, a digest once for each root; no attestations. */
  readonly leaves: readonly Leaf[];
  /** Every index and manifest by digest. */
  readonly byDigest: ReadonlyMap<string, Leaf>;
  /** Indexes whose blobs are absent. */
  readonly missing: readonly Descriptor[];
  /** What is neither index nor manifest. */
  readonly others: readonly Descriptor[];
}

/** Whether a descriptor says of itself that it is no image: build attestations, signatures, SBOMs. */
export function isAttestation(descriptor: Descriptor): boolean {
  const { annotations, artifactType, platform } = descriptor;
  if (annotations.has('vnd.docker.reference.type')) return true;
  if (platform?.os === 'unknown' && platform.architecture === 'unknown') return true;
  return artifactType !== undefined && !isImageConfig(artifactType);
}

/** Tells an index from a manifest, from the media type or else from the content; undefined for what is neither. */
async function kindOf(
  store: BlobStore,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<'index' | 'manifest' | undefined> {
  const kind = kindOfMediaType(descriptor.mediaType);
  if (kind !== undefined) return kind === 'index' ? 'index' : 'manifest';
  if (!mayBeJson(descriptor.mediaType)) return undefined;
  try {
    return (await readManifestOrIndex(store, descriptor, signal)).kind;
  } catch (error) {
    if (!isOcirenderError(error) || error.code === 'ERR_OCIRENDER_ABORTED') throw error;
    // Absent or damaged: an error only if it is chosen, and then by its own message. What has an unfamiliar type and is
    // no manifest is to be ignored.
    return descriptor.mediaType === undefined ? 'manifest' : undefined;
  }
}

/** Reads and verifies what a descriptor points to. */
export async function readManifestOrIndex(
  store: BlobStore,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<ReturnType<typeof parseDocument>> {
  const bytes = await store.readBlob(descriptor, `manifest ${descriptor.digest}`, signal);
  return parseDocument(bytes, `manifest ${descriptor.digest}`, descriptor.mediaType, store.limits);
}

/**
 * Visits everything below some descriptors, breadth first. A digest is read once, depth and number are limited.
 */
export async function walkIndexes(
  store: BlobStore,
  roots: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<Walk> {
  const leaves: Leaf[] = [];
  const byDigest = new Map<string, Leaf>();
  const missing: Descriptor[] = [];
  const others: Descriptor[] = [];
  const visited = new Set<string>();
  let level: Leaf[] = roots.map((descriptor) => ({ descriptor, root: descriptor, nested: false }));
  let seen = level.length;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > store.limits.indexDepth) {
      throw new LimitError('indexDepth', store.limits.indexDepth, 'indexes are nested too deep');
    }
    const next: Leaf[] = [];
    for (const leaf of level) {
      throwIfAborted(signal);
      // A root was named by the user or has been filtered already.
      if (leaf.nested && isAttestation(leaf.descriptor)) continue;
      const key = `${leaf.root.digest} ${leaf.descriptor.digest}`;
      if (visited.has(key)) continue;
      visited.add(key);
      const kind = await kindOf(store, leaf.descriptor, signal);
      if (kind === undefined) {
        others.push(leaf.descriptor);
        continue;
      }
      if (!byDigest.has(leaf.descriptor.digest)) byDigest.set(leaf.descriptor.digest, leaf);
      if (kind === 'manifest') {
        leaves.push(leaf);
        continue;
      }
      const children = await readIndex(store, leaf.descriptor, missing, signal);
      seen += children.length;
      if (seen > store.limits.manifests) {
        throw new LimitError('manifests', store.limits.manifests, 'the indexes hold too many descriptors');
      }
      for (const descriptor of children) next.push({ descriptor, root: leaf.root, nested: true });
    }
    level = next;
  }
  return { leaves, byDigest, missing, others };
}

async function readIndex(
  store: BlobStore,
  descriptor: Descriptor,
  missing: Descriptor[],
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  try {
    const document = await readManifestOrIndex(store, descriptor, signal);
    return document.kind === 'index' ? document.manifests : [];
  } catch (error) {
    if (!isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_NOT_FOUND') throw error;
    missing.push(descriptor);
    return [];
  }
}

/** What can be known of a manifest without opening its layers. */
export interface Candidate {
  readonly leaf: Leaf;
  readonly platform?: Platform;
  /** False for an artifact without tar layers. */
  readonly isImage: boolean;
  /** Whether its manifest is in the store. */
  readonly present: boolean;
  /** What its manifest needs: config and layers. */
  readonly needs: readonly Descriptor[];
  /** Why its platform could not be found out. */
  readonly error?: OcirenderError;
}

/** Finds a manifest's platform: its descriptor's, else its config's where that can be read. */
export async function examine(
  store: BlobStore,
  leaf: Leaf,
  signal: AbortSignal | undefined,
): Promise<Candidate> {
  const { platform } = leaf.descriptor;
  const known = platform === undefined ? {} : { platform };
  try {
    const manifest = await readManifestOrIndex(store, leaf.descriptor, signal);
    if (manifest.kind !== 'manifest') return { leaf, ...known, isImage: false, present: true, needs: [] };
    const isImage = hasTarLayers(manifest);
    const needs = [manifest.config, ...manifest.layers];
    if (platform !== undefined || !isImage || !mayHavePlatform(manifest))
      return { leaf, ...known, isImage, present: true, needs };
    const where = `config ${manifest.config.digest}`;
    const bytes = await store.readBlob(manifest.config, where, signal);
    const config = parseConfig(bytes, where, manifest.layers.length, store.limits);
    return {
      leaf,
      ...(config.platform === undefined ? {} : { platform: config.platform }),
      isImage,
      present: true,
      needs,
    };
  } catch (error) {
    if (!isOcirenderError(error) || error.code === 'ERR_OCIRENDER_ABORTED') throw error;
    const present = error.code !== 'ERR_OCIRENDER_NOT_FOUND';
    return { leaf, ...known, isImage: true, present, needs: [], error };
  }
}

/** Whether the store holds an image with all that it needs; that a file is there says nothing of its bytes. */
export async function isWhole(store: BlobStore, { present, needs }: Candidate): Promise<boolean> {
  for (const { digest } of needs) if (!(await store.files.exists(store.blobName(digest)))) return false;
  return present;
}

/** Whether a manifest describes a filesystem rather than some other artifact. */
export function hasTarLayers(manifest: ManifestDocument): boolean {
  const { config, layers } = manifest;
  // An attestation may have an image's config: its layers tell.
  return layers.length === 0
    ? isImageConfig(config.mediaType)
    : layers.some((layer) => mayBeTar(layer.mediaType));
}

function mayHavePlatform(manifest: ManifestDocument): boolean {
  return isImageConfig(manifest.config.mediaType) || isUnspecificConfig(manifest.config.mediaType);
}
