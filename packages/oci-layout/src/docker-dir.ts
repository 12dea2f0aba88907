import { createHash } from 'node:crypto';
import { OcirenderError } from '@ocirender/interface';
import { BlobStore } from './blob-store.ts';
import { parseDigest } from './digest.ts';
import type { FileTree } from './file-tree.ts';
import { parseJson, printable } from './json.ts';
import type { LayoutLimits } from './limits.ts';
import { type Descriptor, parseDocument } from './manifest.ts';

const MANIFEST = 'manifest.json';
const VERSION = 'version';
/** What skopeo and podman write; 1.0 had the same names but gave layers the ending `.tar`. */
const VERSION_TEXT = /^Directory Transport Version: 1\.[0-9]+\s*$/;

/** Whether `manifest.json` beside `version` is one manifest, as skopeo's `dir:` keeps it, and no list of Docker's. */
export async function isDockerDir(store: BlobStore, signal: AbortSignal | undefined): Promise<boolean> {
  if (!(await store.files.exists(VERSION)) || !(await store.files.exists(MANIFEST))) return false;
  const json = parseJson(await store.readDocument(MANIFEST, MANIFEST, signal), MANIFEST);
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** A directory as `skopeo copy … dir:DIR` and `podman save --format docker-dir` write it. */
export interface DockerDir {
  readonly store: BlobStore;
  /** Its one manifest, or its list of manifests. */
  readonly top: Descriptor;
}

/**
 * Opens skopeo's `dir:` layout: `manifest.json` is the manifest (or the list, whose manifests are
 * `DIGITS.manifest.json`), and blobs are called by the digits of their digests.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE` for another version, and as `parseDocument`
 * @see https://github.com/containers/image/blob/v5.24.0/docs/containers-transports.5.md#dirpath
 */
export async function openDockerDir(
  files: FileTree,
  limits: LayoutLimits,
  signal: AbortSignal | undefined,
): Promise<DockerDir> {
  const plain = new BlobStore(files, limits);
  const version = (await plain.readDocument(VERSION, VERSION, signal)).toString('latin1');
  if (!VERSION_TEXT.test(version)) {
    throw new OcirenderError(
      'ERR_OCIRENDER_INVALID_IMAGE',
      `${files.locate(VERSION)} is "${printable(version.slice(0, 80).trim())}", not a version 1 of the directory transport`,
      { hint: 'Copy it into a layout: skopeo copy dir:DIRECTORY oci:LAYOUT:TAG.' },
    );
  }
  const bytes = await plain.readDocument(MANIFEST, MANIFEST, signal);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const document = parseDocument(bytes, MANIFEST, undefined, limits);
  const names = new Map([[digest, MANIFEST]]);
  if (document.kind === 'index') {
    for (const { digest: instance } of document.manifests) {
      names.set(instance, `${parseDigest(instance).hex}.manifest.json`);
    }
  }
  const store = new BlobStore(files, limits, (blob) => names.get(blob) ?? digits(blob));
  return { store, top: { digest, size: bytes.length, annotations: new Map() } };
}

/** Other algorithms than SHA-256 are part of the name. */
function digits(digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return algorithm === 'sha256' ? hex : `${algorithm}-${hex}`;
}
