import { OcirenderError, type Platform } from '@ocirender/interface';
import { parseDigest } from './digest.ts';
import {
  asArray,
  asObject,
  asSize,
  asString,
  field,
  invalidImage,
  type JsonObject,
  optionalString,
  parseJson,
} from './json.ts';
import type { LayoutLimits } from './limits.ts';
import { isImageConfig, kindOfMediaType } from './media-types.ts';

/** A pointer to a blob. Digest and size are well-formed. */
export interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly artifactType?: string;
  /** Other places of the blob, as the document spells them; none when it names none. */
  readonly urls?: readonly string[];
  readonly annotations: ReadonlyMap<string, string>;
}

/** An index: manifests and further indexes. */
export interface IndexDocument {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

/** A manifest: one image (or artifact) for one platform. */
export interface ManifestDocument {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  /** Oldest first. */
  readonly layers: readonly Descriptor[];
}

/** What ocirender needs of an image config. */
export interface ImageConfig {
  readonly json: unknown;
  readonly platform?: Platform;
  readonly diffIds?: readonly string[];
}

/**
 * Reads an index or manifest; its content tells which it is, and must agree with its media type.
 *
 * @param bytes - the document
 * @param where - its name for messages
 * @param mediaType - as its descriptor spells it
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_INVALID_DIGEST`, `ERR_OCIRENDER_LIMIT`, and
 * `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` for Docker's schema 1
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
 */
export function parseDocument(
  bytes: Uint8Array,
  where: string,
  mediaType: string | undefined,
  limits: LayoutLimits,
): IndexDocument | ManifestDocument {
  const json = asObject(parseJson(bytes, where), where);
  const own = optionalString(json, 'mediaType', where);
  const version = field(json, 'schemaVersion');
  if (kindOfMediaType(mediaType) === 'schema1' || kindOfMediaType(own) === 'schema1' || version === 1) {
    throw new OcirenderError(
      'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      `${where} is a Docker manifest of schema version 1, which is obsolete`,
      { hint: 'Copy the image with a tool that converts it: skopeo copy --format oci.' },
    );
  }
  if (version !== undefined && version !== 2) throw invalidImage(`${where}.schemaVersion must be 2`);
  const isIndex = Object.hasOwn(json, 'manifests');
  const isManifest = Object.hasOwn(json, 'config') || Object.hasOwn(json, 'layers');
  // A document that two readers could take for two things is an attack (CVE-2021-41190).
  if (isIndex && isManifest) throw invalidImage(`${where} has the fields of an index and of a manifest`);
  if (!isIndex && !isManifest)
    throw invalidImage(`${where} is neither an index nor a manifest: "manifests" and "layers" are missing`);
  const kind = isIndex ? 'index' : 'manifest';
  for (const said of [kindOfMediaType(mediaType), kindOfMediaType(own)]) {
    if (said !== undefined && said !== kind)
      throw invalidImage(
        `${where} is said to be an ${said}, but its content is that of an ${kind}`.replaceAll(
          'an manifest',
          'a manifest',
        ),
      );
  }
  return isIndex ? parseIndex(json, where, limits) : parseManifest(json, where, limits);
}

function parseIndex(json: JsonObject, where: string, limits: LayoutLimits): IndexDocument {
  const { manifests } = json;
  return {
    kind: 'index',
    manifests: asArray(manifests, `${where}.manifests`, 'manifests', limits.manifests).flatMap((value, i) =>
      parseNamed(value, `${where}.manifests[${i}]`),
    ),
  };
}

/** What an index names. A descriptor of an unfamiliar media type may have fields and digests of its own: it is no error. */
function parseNamed(value: unknown, where: string): Descriptor[] {
  try {
    return [parseDescriptor(value, where)];
  } catch (error) {
    const { mediaType } = asObject(value, where);
    const isUnfamiliar =
      typeof mediaType === 'string' && mediaType !== '' && kindOfMediaType(mediaType) === undefined;
    if (isUnfamiliar && !isImageConfig(mediaType)) return [];
    throw error;
  }
}

function parseManifest(json: JsonObject, where: string, limits: LayoutLimits): ManifestDocument {
  return {
    kind: 'manifest',
    config: parseDescriptor(field(json, 'config'), `${where}.config`),
    layers: asArray(field(json, 'layers'), `${where}.layers`, 'layers', limits.layers).map((value, i) =>
      parseDescriptor(value, `${where}.layers[${i}]`),
    ),
  };
}

function parseDescriptor(value: unknown, where: string): Descriptor {
  const json = asObject(value, where);
  const mediaType = optionalString(json, 'mediaType', where);
  const artifactType = optionalString(json, 'artifactType', where);
  const digest = asString(field(json, 'digest'), `${where}.digest`);
  parseDigest(digest, `${where}.digest`);
  const platform = field(json, 'platform');
  const urls = parseUrls(field(json, 'urls'), `${where}.urls`);
  return {
    digest,
    size: asSize(field(json, 'size'), `${where}.size`),
    annotations: parseAnnotations(field(json, 'annotations'), `${where}.annotations`),
    ...(mediaType === undefined || mediaType === '' ? {} : { mediaType }),
    ...(artifactType === undefined || artifactType === '' ? {} : { artifactType }),
    ...(urls.length === 0 ? {} : { urls }),
    ...(platform === undefined
      ? {}
      : parsePlatformFields(asObject(platform, `${where}.platform`), `${where}.platform`)),
  };
}

/** More places than this are not tried. */
const MAX_URLS = 16;

function parseUrls(value: unknown, where: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidImage(`${where} must be an array`);
  return value.slice(0, MAX_URLS).map((url, i) => asString(url, `${where}[${i}]`));
}

function parseAnnotations(value: unknown, where: string): ReadonlyMap<string, string> {
  const annotations = new Map<string, string>();
  if (value === undefined) return annotations;
  for (const [name, text] of Object.entries(asObject(value, where))) {
    annotations.set(name, asString(text, `${where}[${JSON.stringify(name.slice(0, 80))}]`));
  }
  return annotations;
}

/** Platform fields as descriptors and configs have them; nothing unless os and architecture are both named. */
function parsePlatformFields(json: JsonObject, where: string): { platform?: Platform } {
  const os = optionalString(json, 'os', where);
  const architecture = optionalString(json, 'architecture', where);
  const variant = optionalString(json, 'variant', where);
  const osVersion = optionalString(json, 'os.version', where);
  if (!os || !architecture) return {};
  return {
    platform: {
      os,
      architecture,
      ...(variant ? { variant } : {}),
      ...(osVersion ? { osVersion } : {}),
    },
  };
}

/**
 * Reads an image config.
 *
 * @param bytes - the document
 * @param where - its name for messages
 * @param layers - how many layers the manifest has
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE` also when it names another number of diff_ids
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 */
export function parseConfig(
  bytes: Uint8Array,
  where: string,
  layers: number,
  limits: LayoutLimits,
): ImageConfig {
  const json = asObject(parseJson(bytes, where), where);
  const rootfs = field(json, 'rootfs');
  const list = rootfs === undefined ? undefined : field(asObject(rootfs, `${where}.rootfs`), 'diff_ids');
  const platform = parsePlatformFields(json, where);
  if (list === undefined) return { json, ...platform };
  const diffIds = asArray(list, `${where}.rootfs.diff_ids`, 'layers', limits.layers).map((value, i) => {
    const diffId = asString(value, `${where}.rootfs.diff_ids[${i}]`);
    parseDigest(diffId, `${where}.rootfs.diff_ids[${i}]`);
    return diffId;
  });
  if (diffIds.length !== layers) {
    throw invalidImage(`${where} names ${diffIds.length} diff_ids, but the manifest has ${layers} layers`);
  }
  return { json, diffIds, ...platform };
}
