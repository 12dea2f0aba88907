import { realpath, stat } from 'node:fs/promises';
import {
  type DiagnosticHandler,
  type Image,
  OcirenderError,
  type Platform,
  throwIfAborted,
} from '@ocirender/interface';
import { BlobStore } from './blob-store.ts';
import { DirectoryTree } from './directory-tree.ts';
import { isDockerDir, openDockerDir } from './docker-dir.ts';
import { openSavedImage, readSavedConfig, readSavedImages } from './docker-save.ts';
import type { FileTree } from './file-tree.ts';
import { checkLayoutVersion, isEmptyIndex, openLayoutImage, readLayoutIndex } from './layout.ts';
import { DEFAULT_LIMITS, type LayoutLimits } from './limits.ts';
import type { Descriptor } from './manifest.ts';
import { normalizePlatform, parsePlatform } from './platform.ts';
import { readError } from './read-file.ts';
import type { RecognizedForm } from './recognize-image.ts';
import { parseReference } from './reference.ts';
import { candidatesOf, namesOf } from './select.ts';
import { SharedBlobs } from './shared-blobs.ts';

/** How to open an image. */
export interface OpenLayoutOptions {
  /** `linux/arm64`, or the same taken apart. @defaultValue the host's architecture on linux */
  readonly platform?: string | Platform;
  readonly signal?: AbortSignal;
  readonly diagnose?: DiagnosticHandler;
  /** What it must be. @defaultValue what it looks like */
  readonly form?: ImageForm;
  /** Directory in which layouts share blobs, as `ALGORITHM/DIGITS`. @defaultValue the layout's own `blobs` */
  readonly sharedBlobs?: string;
  /** Limits against hostile input. */
  readonly limits?: Partial<LayoutLimits>;
}

/** How to list a directory's images. */
export interface ListOptions {
  readonly signal?: AbortSignal;
  /** What it must be. @defaultValue what it looks like */
  readonly form?: ImageForm;
  /** As for {@link OpenLayoutOptions}. */
  readonly sharedBlobs?: string;
  /** Limits against hostile input. */
  readonly limits?: Partial<LayoutLimits>;
}

/** An image for one platform that a directory names. */
export interface ListedImage {
  /** Tags or full names; several descriptors may share one. */
  readonly names: readonly string[];
  /** Digest of the manifest; of the config (the image id) in an unpacked `docker save`. */
  readonly digest: string;
  readonly platform?: Platform;
  /** False when the index names it but the manifest is not in the store. */
  readonly present: boolean;
}

/**
 * Opens an image of an OCI image layout or of an unpacked `docker save` directory.
 *
 * Index, manifest and config are read and verified now, and every layer's file must exist with the size that
 * its descriptor promises; layers are read and hashed as they are opened.
 *
 * @param reference - `DIR`, `DIR:TAG`, `DIR@sha256:…` or `DIR:TAG@sha256:…`, also with the prefix `oci:`
 * @returns the image; nothing is held open
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_AMBIGUOUS`, `ERR_OCIRENDER_NO_PLATFORM`,
 * `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_INVALID_DIGEST`, `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE`,
 * `ERR_OCIRENDER_SIZE_MISMATCH`, `ERR_OCIRENDER_PATH_ESCAPE`, `ERR_OCIRENDER_IO`
 * @throws {DigestMismatchError} when a document's bytes are not those that its digest promises
 * @throws {LimitError} when a document is too large, too deep or lists too much
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
 */
export async function openImage(reference: string, options: OpenLayoutOptions = {}): Promise<Image> {
  throwIfAborted(options.signal);
  const parts = parseReference(reference);
  return openImageIn(await openDirectory(parts.directory), { ...parts, text: reference }, options);
}

/** Which image of a tree of files. */
export interface WantedImage {
  /** The whole reference as the user spelled it. */
  readonly text: string;
  /** A tag or a full name. */
  readonly tag?: string;
  /** Of a manifest or index; of the config (the image id) in a `docker save`. */
  readonly digest?: string;
}

/**
 * Opens an image whose files are reached through an interface: of an archive, for example.
 *
 * @param files - an OCI image layout or a `docker save`
 * @param image - which one
 * @param options - as for {@link openImage}
 * @returns the image; its layers open `files` again
 * @throws {OcirenderError} as {@link openImage}
 */
export async function openImageIn(
  files: FileTree,
  image: WantedImage,
  options: OpenLayoutOptions = {},
): Promise<Image> {
  const { platform, signal, diagnose = () => {} } = options;
  const { text, ...parts } = image;
  const wanted = {
    reference: { ...parts, directory: files.label },
    platform:
      typeof platform === 'string' ? parsePlatform(platform) : platform && normalizePlatform(platform),
    signal,
  };
  const opened = await openStore(files, options);
  return opened.form === 'docker-save'
    ? openSavedImage(opened.store, text, wanted)
    : openLayoutImage(opened.store, opened.tops, text, wanted, diagnose);
}

/**
 * Lists the images that `index.json` (through nested indexes) or `manifest.json` names. Attestations and
 * artifacts without a filesystem are left out.
 *
 * @param directory - an OCI image layout or an unpacked `docker save`
 * @returns images in document order
 * @throws {OcirenderError} as {@link openImage}
 */
export async function listImages(directory: string, options: ListOptions = {}): Promise<ListedImage[]> {
  return listImagesIn(await openDirectory(directory), options);
}

/**
 * Lists the images of a tree of files: see {@link listImages}.
 *
 * @param files - an OCI image layout or a `docker save`
 * @returns images in document order
 */
export async function listImagesIn(files: FileTree, options: ListOptions = {}): Promise<ListedImage[]> {
  const opened = await openStore(files, options);
  const { store } = opened;
  const { signal } = options;
  if (opened.form !== 'docker-save') {
    const candidates = await candidatesOf(store, opened.tops, signal);
    return candidates.map(({ leaf, platform, present }) => ({
      names: namesOf(leaf.root),
      digest: leaf.descriptor.digest,
      ...(platform === undefined ? {} : { platform }),
      present,
    }));
  }
  const images: ListedImage[] = [];
  for (const saved of await readSavedImages(store, signal)) {
    const { digest, config } = await readSavedConfig(store, saved, signal);
    const { platform } = config;
    images.push({
      names: saved.names,
      digest,
      ...(platform === undefined ? {} : { platform }),
      present: true,
    });
  }
  return images;
}

/** What an image on disk looks like: an OCI layout, a `docker save`, or skopeo's `dir:`. */
export type ImageForm = RecognizedForm;

async function openDirectory(directory: string): Promise<FileTree> {
  let root: string;
  try {
    root = await realpath(directory);
    if (!(await stat(root)).isDirectory()) throw notADirectory(directory);
  } catch (error) {
    throw error instanceof OcirenderError ? error : readError(error, directory, 'the image');
  }
  return new DirectoryTree(directory, root);
}

/** Files whose form is known, with what their index names. */
type OpenStore =
  | { readonly form: 'docker-save'; readonly store: BlobStore }
  | {
      readonly form: 'layout' | 'docker-dir';
      readonly store: BlobStore;
      readonly tops: readonly Descriptor[];
    };

/** Finds out which form the files have. */
async function openStore(given: FileTree, options: ListOptions): Promise<OpenStore> {
  const { sharedBlobs, signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const files = sharedBlobs === undefined ? given : new SharedBlobs(given, await openDirectory(sharedBlobs));
  const store = new BlobStore(files, limits);
  const [hasIndex, hasLayout, hasManifest, hasRepositories] = await Promise.all(
    ['index.json', 'oci-layout', 'manifest.json', 'repositories'].map((name) => files.exists(name)),
  );
  const hasSaved = hasManifest === true || hasRepositories === true;
  if (options.form === 'docker-save' && !hasSaved) throw notSaved(files.label);
  if (options.form === 'docker-save') return { store, form: 'docker-save' };
  if (options.form === 'docker-dir' && !(await files.exists('version'))) throw notDockerDir(files.label);
  if (
    options.form === 'docker-dir' ||
    (options.form === undefined && !hasIndex && (await isDockerDir(store, signal)))
  ) {
    const { store: named, top } = await openDockerDir(files, limits, signal);
    return { store: named, form: 'docker-dir', tops: [top] };
  }
  const mayBeSaved = hasSaved && options.form === undefined;
  if (!hasIndex && !hasLayout && mayBeSaved) return { store, form: 'docker-save' };
  if (!hasIndex) throw notALayout(files.label, hasLayout === true);
  if (hasLayout) await checkLayoutVersion(store, signal);
  // Docker 25.0 wrote an index.json that names nothing beside a good manifest.json.
  if (mayBeSaved && (await isEmptyIndex(store, signal))) return { store, form: 'docker-save' };
  return { store, form: 'layout', tops: await readLayoutIndex(store, signal) };
}

const FORMATS =
  "An image on disk is an OCI image layout (index.json, oci-layout, blobs), a docker save (manifest.json) or skopeo's dir: (manifest.json, version).";

function notADirectory(path: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${path} is a file, not an image directory`, {
    hint: `${FORMATS} Archives are opened by @ocirender/sources.`,
  });
}

function notALayout(label: string, hasLayout: boolean): OcirenderError {
  const message = hasLayout
    ? `${label} has an oci-layout file but no index.json`
    : `${label} holds no image: neither index.json nor manifest.json is there`;
  return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', message, { hint: FORMATS });
}

function notDockerDir(label: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_NOT_FOUND',
    `${label} is no directory of skopeo's: its file "version" is missing`,
    {
      hint: `${FORMATS} Leave the prefix out, and it is told by what it holds.`,
    },
  );
}

function notSaved(label: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_NOT_FOUND',
    `${label} is no docker save: neither manifest.json nor repositories is there`,
    { hint: FORMATS },
  );
}
