import { statSync } from 'node:fs';
import { parseDigest } from './digest.ts';

/** A reference to an image on disk, taken apart. */
export interface ImageReference {
  /** The directory as the user spelled it. */
  readonly directory: string;
  /** A tag (`1.27`) or a full name (`docker.io/library/nginx:1.27`). */
  readonly tag?: string;
  /** `sha256:…` or `sha512:…`, well-formed. */
  readonly digest?: string;
}

const PREFIX = 'oci:';

/**
 * Takes `DIR`, `DIR:TAG`, `DIR@DIGEST` or `DIR:TAG@DIGEST` apart, with or without the prefix `oci:`.
 *
 * Names may hold `:` and `@` themselves: what exists wins, so the longest part before a `:` that is an
 * existing path is the directory. Where nothing exists the last `:` that can begin a tag separates.
 *
 * @param text - the reference
 * @returns its parts
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_DIGEST` when what follows the `@` is no digest
 */
export function parseReference(text: string): ImageReference {
  if (exists(text)) return { directory: text };
  const spec = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  if (exists(spec)) return { directory: spec };
  const at = spec.lastIndexOf('@');
  const whole = splitTag(spec);
  if (at > 0 && !(whole.directory.length > at && exists(whole.directory))) {
    const named = splitTag(spec.slice(0, at));
    const rest = spec.slice(at + 1);
    // "a@b" that is meant as a path and does not exist stays a path, for the message that it is missing.
    if (exists(named.directory) || rest.includes(':')) {
      parseDigest(rest, `reference ${JSON.stringify(text)}`);
      return { ...named, digest: rest };
    }
  }
  return whole;
}

function splitTag(spec: string): ImageReference {
  if (exists(spec)) return { directory: spec };
  // A drive letter's colon separates nothing.
  const first = /^[A-Za-z]:[\\/]/.test(spec) ? 2 : 1;
  let fallback: ImageReference | undefined;
  for (let colon = spec.lastIndexOf(':'); colon >= first; colon = spec.lastIndexOf(':', colon - 1)) {
    const directory = spec.slice(0, colon);
    const tag = spec.slice(colon + 1);
    if (tag === '') continue;
    if (exists(directory)) return { directory, tag };
    if (!tag.includes('/')) fallback ??= { directory, tag };
  }
  return fallback ?? { directory: spec };
}

function exists(path: string): boolean {
  if (path === '' || path.includes('\0')) return false;
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
