import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from './limits.ts';

/** What holds an image: an OCI layout, a `docker save`, or a directory of skopeo's (`dir:`). */
export type RecognizedForm = 'layout' | 'docker-save' | 'docker-dir';

/** The files at the top of a directory or an archive that say what it is. */
export const TELLING_FILES = [
  'index.json',
  'manifest.json',
  'oci-layout',
  'repositories',
  'version',
] as const;

/** One of {@link TELLING_FILES}. */
export type TellingFile = (typeof TELLING_FILES)[number];

/** Most bytes of such a file: a longer one is something else's. */
export const TELLING_BYTES: number = DEFAULT_LIMITS.documentBytes;

/**
 * Tells an image from anything else (the root file system of one, a web site with an `index.json`) by what the files at its
 * top say. This is the one rule, for directories and archives.
 *
 * @param read - gives the bytes of a file at the top; undefined when it is not there, no regular file or too long
 * @returns what it is; undefined when it holds no image
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
 */
export async function recognizeImage(
  read: (name: TellingFile) => Promise<Uint8Array | undefined> | Uint8Array | undefined,
): Promise<RecognizedForm | undefined> {
  const document = async (name: TellingFile): Promise<unknown> => {
    const bytes = await read(name);
    if (bytes === undefined || bytes.length > TELLING_BYTES) return undefined;
    try {
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    } catch {
      return undefined;
    }
  };
  if (hasKey(await document('index.json'), 'manifests', Array.isArray)) return 'layout';
  // Nothing else has a file of this name. Without an index it is a damaged layout: whoever opens it says so.
  if ((await read('oci-layout')) !== undefined) return 'layout';
  const manifest = await document('manifest.json');
  if (Array.isArray(manifest) && hasKey(manifest[0], 'Layers', isListOrNull)) return 'docker-save';
  const isManifest = ['layers', 'manifests', 'fsLayers'].some((key) => hasKey(manifest, key, Array.isArray));
  if (isManifest && (await read('version')) !== undefined) return 'docker-dir';
  return isRepositories(await document('repositories')) ? 'docker-save' : undefined;
}

/**
 * Tells what a directory is.
 *
 * @param directory - its path
 * @returns undefined when it holds no image
 */
export function recognizeDirectory(directory: string): Promise<RecognizedForm | undefined> {
  return recognizeImage(async (name) => {
    const path = join(directory, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() !== true || stats.size > TELLING_BYTES) return undefined;
    return readFile(path).catch(() => undefined);
  });
}

function hasKey(value: unknown, key: string, test: (member: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.hasOwn(value, key) && test((value as Record<string, unknown>)[key]);
}

/** Docker writes `null` for an image without layers. */
function isListOrNull(value: unknown): boolean {
  return value === null || Array.isArray(value);
}

/** Docker before 1.10: `{"name": {"tag": "64 hexadecimal digits"}}`. */
function isRepositories(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const tags = Object.values(value).flatMap((named: unknown) =>
    typeof named === 'object' && named !== null ? (Object.values(named) as unknown[]) : [undefined],
  );
  return tags.length > 0 && tags.every((id) => typeof id === 'string' && /^[0-9a-f]{64}$/.test(id));
}
