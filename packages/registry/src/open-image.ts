import {
  type Image,
  type Layer,
  LimitError,
  OcirenderError,
  type Platform,
  throwIfAborted,
} from '@ocirender/interface';
import { formatPlatform, parsePlatform } from '@ocirender/oci-layout';
import {
  type Descriptor,
  hasTarLayers,
  type ImageConfig,
  isImageConfig,
  isUnspecificConfig,
  type ManifestDocument,
  normalizePlatform,
  parseConfig,
  platformDistance,
  printable,
} from '@ocirender/oci-layout/documents';
import { chooseManifest, type ManifestSource } from './choose-manifest.ts';
import type { RegistryClient } from './client.ts';
import { connectRegistry } from './connect-registry.ts';
import type { FetchedManifest } from './manifest-fetch.ts';
import type { OpenRegistryImageOptions } from './options.ts';
import type { RegistryReference } from './reference.ts';

/** An image of a registry. Its layers are downloaded as they are opened, each open a download of its own. */
export interface RegistryImage extends Image {
  readonly manifestDigest: string;
  /** Ends all connections; streams that are open end with an error. May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens an image of a registry. Index, manifest and config are fetched and verified now; a layer when it is opened:
 * its stream retries and resumes by itself, and checks size and digest at its end.
 *
 * @param reference - for example `nginx:1.27`, `ghcr.io/owner/name@sha256:…`, also with the prefix `docker://`
 * @param options - platform, credentials, TLS, mirrors, retries
 * @returns the image; close it when its layers are read
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE`, `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_NO_PLATFORM`,
 * `ERR_OCIRENDER_AUTH`, `ERR_OCIRENDER_NETWORK`, `ERR_OCIRENDER_REGISTRY`, `ERR_OCIRENDER_INVALID_IMAGE`,
 * `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE`
 * @throws {DigestMismatchError} when a document is not what its digest promises
 * @throws {LimitError} when a document is too large, too deep or lists too much
 */
export async function openRegistryImage(
  reference: string,
  options: OpenRegistryImageOptions = {},
): Promise<RegistryImage> {
  throwIfAborted(options.signal);
  const wanted = wantedPlatform(options.platform);
  const { reference: parts, client } = await connectRegistry(reference, options);
  try {
    const { manifest, document, config, platform } = await resolveImage(
      client,
      parts,
      wanted,
      options.signal,
    );
    if (config !== undefined && config.parsed.diffIds === undefined && document.layers.length > 0) {
      options.diagnose?.({
        code: 'diff-id-missing',
        message: `config ${document.config.digest} names no diff_ids: layers are verified by their digests only`,
      });
    }
    const layers = document.layers.map((layer, i) =>
      openLayer(client, parts.repository, layer, config?.parsed.diffIds?.[i]),
    );
    return {
      reference,
      manifestDigest: manifest.digest,
      ...(platform === undefined ? {} : { platform }),
      ...(config === undefined
        ? {}
        : { config: { json: config.parsed.json, bytes: config.bytes, digest: document.config.digest } }),
      layers,
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Reads a platform as callers may give it. */
export function wantedPlatform(platform: string | Platform | undefined): Platform | undefined {
  return typeof platform === 'string' ? parsePlatform(platform) : platform && normalizePlatform(platform);
}

/** An image of a registry, without its layers' bytes. */
export interface ResolvedImage {
  readonly manifest: FetchedManifest;
  readonly document: ManifestDocument;
  /** Undefined for manifests whose config is no image's. */
  readonly config: { readonly bytes: Uint8Array; readonly parsed: ImageConfig } | undefined;
  readonly platform: Platform | undefined;
}

/** Fetches and verifies everything but the layers. */
export async function resolveImage(
  client: RegistryClient,
  reference: RegistryReference,
  wanted: Platform | undefined,
  signal: AbortSignal | undefined,
): Promise<ResolvedImage> {
  const { repository } = reference;
  const source: ManifestSource = {
    limits: client.limits,
    manifest: ({ digest, size, mediaType }) =>
      client.getManifest({ repository, digest, size, mediaType }, signal),
    document: (descriptor) => readDocument(client, repository, descriptor, signal),
  };
  const chosen = await chooseManifest(await client.getManifest(reference, signal), wanted, source);
  const { manifest } = chosen;
  const { document } = manifest;
  if (document.kind !== 'manifest' || !hasTarLayers(document)) throw notAnImage(manifest);
  const where = `config ${document.config.digest}`;
  const hasConfig = isImageConfig(document.config.mediaType) || isUnspecificConfig(document.config.mediaType);
  const bytes = hasConfig ? await source.document(document.config) : undefined;
  const parsed = bytes && parseConfig(bytes, where, document.layers.length, client.limits);
  // What the index says counts: configs leave the variant out.
  const said = chosen.platform ?? parsed?.platform;
  if (wanted !== undefined && (said === undefined || platformDistance(wanted, said) === undefined)) {
    const there = said === undefined ? 'an unknown platform' : printable(formatPlatform(said));
    throw new OcirenderError(
      'ERR_OCIRENDER_NO_PLATFORM',
      `the image ${manifest.digest} is not for ${formatPlatform(wanted)}`,
      {
        hint: `It is for ${there}.`,
      },
    );
  }
  const platform = parsed?.platform ?? said;
  return { manifest, document, platform, config: bytes && parsed && { bytes, parsed } };
}

async function readDocument(
  client: RegistryClient,
  repository: string,
  { digest, size }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const maximum = client.limits.documentBytes;
  if (size > maximum) throw new LimitError('documentBytes', maximum, `config ${digest} has ${size} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.readBlob(
    repository,
    { digest, size },
    signal === undefined ? {} : { signal },
  )) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function openLayer(
  client: RegistryClient,
  repository: string,
  { digest, size, mediaType, urls }: Descriptor,
  diffId: string | undefined,
): Layer {
  return {
    digest,
    size,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(diffId === undefined ? {} : { diffId }),
    open: (options = {}) => client.readBlob(repository, { digest, size, urls }, options),
  };
}

function notAnImage({ digest, document }: FetchedManifest): OcirenderError {
  const what =
    document.kind === 'manifest'
      ? `its config is ${printable(document.config.mediaType ?? 'none')}, its layers are no tar archives`
      : 'it is an index';
  return new OcirenderError(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    `manifest ${digest} is not a container image: ${what}`,
    {
      hint: 'Only manifests whose layers are tar archives can be converted.',
    },
  );
}
