import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import {
  type Image,
  isOcirenderError,
  type Layer,
  OcirenderError,
  type Platform,
} from '@ocirender/interface';
import { type BlobStore, checkDigest } from './blob-store.ts';
import { readFirstImages } from './docker-first.ts';
import { asArray, asObject, asString, invalidImage, type JsonObject, parseJson, printable } from './json.ts';
import { type ImageConfig, parseConfig } from './manifest.ts';
import { findNamed, latestOf } from './names.ts';
import { formatPlatform, platformDistance } from './platform.ts';
import type { Wanted } from './select.ts';

/** One image of a `manifest.json`. */
export interface SavedImage {
  /** Path of the config within the directory. */
  readonly config: string;
  readonly names: readonly string[];
  /** Paths of the layers within the directory, oldest first. */
  readonly layers: readonly string[];
}

const MANIFEST = 'manifest.json';

/**
 * Reads `manifest.json` of a `docker save`, or `repositories` where Docker was older than 1.10.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_PATH_ESCAPE`
 * @see https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md
 */
export async function readSavedImages(
  store: BlobStore,
  signal: AbortSignal | undefined,
): Promise<SavedImage[]> {
  if (!(await store.files.exists(MANIFEST))) return readFirstImages(store, signal);
  const bytes = await store.readDocument(MANIFEST, MANIFEST, signal);
  const json = parseJson(bytes, MANIFEST);
  const list = asArray(json, MANIFEST, 'manifests', store.limits.manifests);
  return list.map((value, i) => {
    const where = `${MANIFEST}[${i}]`;
    const json = asObject(value, where);
    const names = looseField(json, 'RepoTags') ?? [];
    const layers = looseField(json, 'Layers') ?? [];
    return {
      config: safePath(looseField(json, 'Config'), `${where}.Config`),
      names: asArray(names, `${where}.RepoTags`, 'manifests', store.limits.manifests).map((name, n) =>
        asString(name, `${where}.RepoTags[${n}]`),
      ),
      layers: asArray(layers, `${where}.Layers`, 'layers', store.limits.layers).map((path, n) =>
        safePath(path, `${where}.Layers[${n}]`),
      ),
    };
  });
}

/** Docker reads these keys in any case, and old versions of Jib write them in lower case. */
function looseField(json: JsonObject, name: string): unknown {
  const key = Object.keys(json).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (json[key] ?? undefined);
}

function safePath(value: unknown, where: string): string {
  const text = asString(value, where);
  const path = posix.normalize(text);
  if (text === '' || text.includes('\0')) throw invalidImage(`${where} is not a path`);
  if (posix.isAbsolute(path) || path === '..' || path.startsWith('../')) {
    throw new OcirenderError(
      'ERR_OCIRENDER_PATH_ESCAPE',
      `${where}: "${printable(text)}" leads out of the directory`,
    );
  }
  return path;
}

/** Opens the one image of `manifest.json` that is wanted. */
export async function openSavedImage(store: BlobStore, reference: string, wanted: Wanted): Promise<Image> {
  const saved = await selectSaved(store, await readSavedImages(store, wanted.signal), wanted);
  const { bytes, digest, config } = await readSavedConfig(store, saved, wanted.signal);
  checkPlatform(config.platform, wanted);
  const layers: Layer[] = [];
  for (const [i, path] of saved.layers.entries()) {
    layers.push(await savedLayer(store, path, config.diffIds?.[i], wanted.signal));
  }
  return {
    reference,
    ...(config.platform === undefined ? {} : { platform: config.platform }),
    config: { json: config.json, bytes, digest },
    layers,
  };
}

/** Reads and checks an image's config; its digest is the image's id. */
export async function readSavedConfig(
  store: BlobStore,
  saved: SavedImage,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; digest: string; config: ImageConfig }> {
  const what = `config ${printable(saved.config)}`;
  const bytes = await store.readDocument(saved.config, what, signal);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const promised = configDigest(saved.config);
  if (promised !== undefined) checkDigest(bytes, promised, `${what} (${store.files.locate(saved.config)})`);
  return { bytes, digest, config: parseConfig(bytes, what, saved.layers.length, store.limits) };
}

/** The digest that a config's file name promises: `HEX.json`, `sha256:HEX`, `blobs/sha256/HEX`. */
function configDigest(path: string): string | undefined {
  const match = /^(?:blobs\/sha256\/|sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(path);
  return match === null ? undefined : `sha256:${match[1]}`;
}

async function selectSaved(
  store: BlobStore,
  images: readonly SavedImage[],
  wanted: Wanted,
): Promise<SavedImage> {
  const { directory, tag, digest } = wanted.reference;
  const namesOf = ({ names }: SavedImage): readonly string[] => names;
  let fitting = tag === undefined ? [...images] : findNamed(images, namesOf, tag);
  if (digest !== undefined) {
    const ids = await Promise.all(fitting.map((image) => readSavedConfig(store, image, wanted.signal)));
    fitting = fitting.filter((_, i) => ids[i]!.digest === digest);
  }
  if (fitting.length > 1 && tag === undefined) {
    const latest = latestOf(fitting, namesOf);
    if (latest.length === 1) fitting = latest;
  }
  const [image, another] = fitting;
  if (image === undefined) {
    const asked = [tag, digest]
      .filter((part) => part !== undefined)
      .map(printable)
      .join('@');
    const message = asked === '' ? `${directory} lists no image` : `${directory} has no image "${asked}"`;
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', message, {
      hint: await savedListing(store, images, wanted.signal),
    });
  }
  if (another !== undefined && another.config !== image.config) {
    throw new OcirenderError('ERR_OCIRENDER_AMBIGUOUS', `${directory} holds more than one image that fits`, {
      hint: `Name one as ${directory}:TAG or ${directory}@DIGEST. ${await savedListing(store, fitting, wanted.signal)}`,
    });
  }
  return image;
}

const MAX_LISTED = 24;

/** Images by their names; one that has none by the digest of its config, by which it can be asked for. */
async function savedListing(
  store: BlobStore,
  images: readonly SavedImage[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const shown: string[] = [];
  for (const image of images.slice(0, MAX_LISTED)) {
    if (image.names.length > 0) {
      shown.push(printable(image.names.join(' = ')));
      continue;
    }
    try {
      shown.push(`@${(await readSavedConfig(store, image, signal)).digest}`);
    } catch (error) {
      // Damaged or missing: it is listed, and asking for it tells what is wrong.
      if (!isOcirenderError(error) || error.code === 'ERR_OCIRENDER_ABORTED') throw error;
      shown.push(printable(image.config));
    }
  }
  if (images.length > MAX_LISTED) shown.push(`and ${images.length - MAX_LISTED} more`);
  return `There is: ${shown.join(', ') || 'nothing'}.`;
}

/** Refuses an image without an index whose platform is not the one that was asked for. */
export function checkPlatform(platform: Platform | undefined, wanted: Wanted): void {
  if (wanted.platform === undefined) return;
  if (platform !== undefined && platformDistance(wanted.platform, platform) !== undefined) return;
  const there =
    platform === undefined ? 'one that does not name its platform' : printable(formatPlatform(platform));
  throw new OcirenderError(
    'ERR_OCIRENDER_NO_PLATFORM',
    `the image in ${wanted.reference.directory} has nothing for ${printable(formatPlatform(wanted.platform))}`,
    { hint: `There is: ${there}.` },
  );
}

/**
 * A layer of `docker save` has no descriptor. Its digest is the one in its path, or the diff_id when it is not
 * compressed, or else (compressed under a name of its own) what its bytes hash to now: then only the diff_id
 * protects it.
 */
async function savedLayer(
  store: BlobStore,
  name: string,
  diffId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Layer> {
  const what = `layer ${printable(name)}`;
  const size = await store.size(name, what);
  const inPath = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name);
  let digest = inPath === null ? undefined : `sha256:${inPath[1]}`;
  if (digest === undefined && diffId !== undefined && !(await isCompressed(store, name, what)))
    digest = diffId;
  const hasOwnDigest = digest === undefined;
  digest ??= await hashFile(store, name, what, signal);
  const expected = { digest, size };
  return {
    ...expected,
    ...(hasOwnDigest ? { hasOwnDigest } : {}),
    ...(diffId === undefined ? {} : { diffId }),
    open: (options) => store.open(name, expected, what, options?.signal),
    openFile: () => store.openFile(name, what),
  };
}

/** Magic bytes of gzip, zstd (plain and skippable frames), bzip2, xz and lzma. */
const COMPRESSED = /^(1f8b|28b52ffd|5.2a4d18|425a68|fd377a585a00|5d0000)/;

async function isCompressed(store: BlobStore, name: string, what: string): Promise<boolean> {
  const file = await store.files.open(name, what);
  try {
    const head = Buffer.alloc(6);
    return COMPRESSED.test(head.toString('hex', 0, await file.read(head, 0)));
  } finally {
    await file.close();
  }
}

async function hashFile(
  store: BlobStore,
  name: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const file = await store.files.open(name, what);
  const hash = createHash('sha256');
  for await (const chunk of file.chunks(signal)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
