import type { DiagnosticHandler, Image, Layer } from '@ocirender/interface';
import { OcirenderError } from '@ocirender/interface';
import type { BlobStore } from './blob-store.ts';
import { sizeMismatch } from './digest.ts';
import { checkPlatform } from './docker-save.ts';
import { hostsOf } from './hosts-of.ts';
import { hasTarLayers, readManifestOrIndex } from './index-walk.ts';
import { asObject, asString, field, invalidImage, parseJson, printable } from './json.ts';
import {
  type Descriptor,
  type ImageConfig,
  type ManifestDocument,
  parseConfig,
  parseDocument,
} from './manifest.ts';
import { isImageConfig, isUnspecificConfig } from './media-types.ts';
import { selectManifest, type Wanted } from './select.ts';

/** Reads the descriptors of `index.json`. */
export async function readLayoutIndex(
  store: BlobStore,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  const bytes = await store.readDocument('index.json', 'index.json', signal);
  const document = parseDocument(bytes, 'index.json', undefined, store.limits);
  if (document.kind !== 'index') throw invalidImage('index.json is a manifest, not an index');
  return document.manifests;
}

/** Whether `index.json` is well-formed, but without a single manifest. */
export async function isEmptyIndex(store: BlobStore, signal: AbortSignal | undefined): Promise<boolean> {
  const bytes = await store.readDocument('index.json', 'index.json', signal);
  const manifests = field(asObject(parseJson(bytes, 'index.json'), 'index.json'), 'manifests');
  return manifests === undefined || (Array.isArray(manifests) && manifests.length === 0);
}

/** Checks the `oci-layout` file of a layout that has one. */
export async function checkLayoutVersion(store: BlobStore, signal: AbortSignal | undefined): Promise<void> {
  const bytes = await store.readDocument('oci-layout', 'oci-layout', signal);
  const json = asObject(parseJson(bytes, 'oci-layout'), 'oci-layout');
  const version = asString(field(json, 'imageLayoutVersion'), 'oci-layout.imageLayoutVersion');
  if (!version.startsWith('1.')) {
    throw invalidImage(`oci-layout.imageLayoutVersion must be 1.x.y, but is "${printable(version)}"`);
  }
}

/**
 * Opens the image that a reference and a platform mean.
 *
 * @param tops - what `index.json` names
 */
export async function openLayoutImage(
  store: BlobStore,
  tops: readonly Descriptor[],
  reference: string,
  wanted: Wanted,
  diagnose: DiagnosticHandler,
): Promise<Image> {
  const descriptor = await selectManifest(store, tops, wanted);
  const manifest = await readManifestOrIndex(store, descriptor, wanted.signal);
  if (manifest.kind !== 'manifest')
    throw invalidImage(`${descriptor.digest} is an index where a manifest was expected`);
  if (!hasTarLayers(manifest)) throw notAnImage(descriptor, manifest);
  const config = await readConfig(store, manifest, wanted.signal);
  const platform = config?.parsed.platform ?? descriptor.platform;
  checkPlatform(descriptor.platform ?? platform, wanted);
  if (config !== undefined && config.parsed.diffIds === undefined && manifest.layers.length > 0) {
    diagnose({
      code: 'diff-id-missing',
      message: `config ${manifest.config.digest} names no diff_ids: layers are verified by their digests only`,
    });
  }
  const layers: Layer[] = [];
  for (const [i, layer] of manifest.layers.entries()) {
    layers.push(await openLayer(store, layer, config?.parsed.diffIds?.[i]));
  }
  return {
    reference,
    manifestDigest: descriptor.digest,
    ...(platform === undefined ? {} : { platform }),
    ...(config === undefined
      ? {}
      : { config: { json: config.parsed.json, bytes: config.bytes, digest: manifest.config.digest } }),
    layers,
  };
}

async function readConfig(
  store: BlobStore,
  manifest: ManifestDocument,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; parsed: ImageConfig } | undefined> {
  const { mediaType, digest } = manifest.config;
  if (!isImageConfig(mediaType) && !isUnspecificConfig(mediaType)) return undefined;
  const bytes = await store.readBlob(manifest.config, `config ${digest}`, signal);
  return { bytes, parsed: parseConfig(bytes, `config ${digest}`, manifest.layers.length, store.limits) };
}

/** Existence and size are checked at once, so that a long conversion does not end at the last layer. */
async function openLayer(
  store: BlobStore,
  descriptor: Descriptor,
  diffId: string | undefined,
): Promise<Layer> {
  const { digest, size, mediaType, urls = [] } = descriptor;
  const what = `layer ${digest}`;
  const name = store.blobName(digest);
  if (urls.length > 0 && !(await store.files.exists(name))) throw foreignLayer(store, digest, urls);
  const found = await store.size(name, what);
  if (found !== size) throw sizeMismatch(`${what} (${store.files.locate(name)})`, size, `${found}`);
  return {
    digest,
    size,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(diffId === undefined ? {} : { diffId }),
    open: (options) => store.open(name, { digest, size }, what, options?.signal),
    openFile: () => store.openFile(name, what),
  };
}

/** Tools leave such layers out when they copy an image: their licence may not allow copies. */
function foreignLayer(store: BlobStore, digest: string, urls: readonly string[]): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_NOT_FOUND',
    `layer ${digest} is not in ${store.files.label}: the image says that it lies at ${printable(hostsOf(urls))}`,
    { hint: 'Pull the image anew with --allow-foreign-layers, if you trust that host.' },
  );
}

function notAnImage(descriptor: Descriptor, manifest: ManifestDocument): OcirenderError {
  const types = [...new Set(manifest.layers.map((layer) => printable(layer.mediaType ?? 'none')))].slice(
    0,
    8,
  );
  const config = printable(manifest.config.mediaType ?? 'none');
  return new OcirenderError(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    `manifest ${descriptor.digest} is not a container image: its config is ${config}, its layers are ${types.join(', ') || 'none'}`,
    { hint: 'Only manifests whose layers are tar archives can be converted.' },
  );
}
