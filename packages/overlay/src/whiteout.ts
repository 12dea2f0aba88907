import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';
import { baseName, parentPath } from './path.ts';

/** Prefix of a whiteout's name. @see https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts */
export const WHITEOUT_PREFIX = '.wh.';
/** Name of the marker that hides everything that lower layers have in a directory. */
export const OPAQUE_MARKER = '.wh..wh..opq';
/** Prefix of AUFS' own bookkeeping (`.wh..wh.aufs`, `.wh..wh.plnk/`, `.wh..wh.orph/`). */
const AUFS_PREFIX = '.wh..wh.';

/** What an entry's name means to the merge. */
export type NameMeaning =
  | { readonly kind: 'entry' }
  /** Hides `path` (and all below it) of the lower layers. */
  | { readonly kind: 'whiteout'; readonly path: ByteString }
  /** Hides what lower layers have below the directory `path`. */
  | { readonly kind: 'opaque'; readonly path: ByteString }
  /** Bookkeeping of AUFS: no meaning in an image. */
  | { readonly kind: 'aufs' };

const ENTRY: NameMeaning = { kind: 'entry' };
const AUFS: NameMeaning = { kind: 'aufs' };

/**
 * Tells whiteouts, opaque markers and AUFS leftovers from ordinary entries, by name alone.
 *
 * @param path - the entry's canonical path
 * @returns its meaning
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_WHITEOUT` for `.wh.` with nothing, `.` or `..` behind it
 */
export function nameMeaning(path: ByteString): NameMeaning {
  if (!path.includes(WHITEOUT_PREFIX)) return ENTRY;
  const base = baseName(path);
  const parent = parentPath(path);
  if (isAufs(parent)) return AUFS;
  if (!base.startsWith(WHITEOUT_PREFIX)) return ENTRY;
  if (base === OPAQUE_MARKER) return { kind: 'opaque', path: parent };
  if (base.startsWith(AUFS_PREFIX)) return AUFS;
  const hidden = base.slice(WHITEOUT_PREFIX.length);
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw new OcirenderError(
      'ERR_OCIRENDER_INVALID_WHITEOUT',
      `whiteout "${displayPath(path)}" names ${hidden === '' ? 'nothing' : `"${hidden}"`}`,
    );
  }
  return { kind: 'whiteout', path: parent === '' ? hidden : `${parent}/${hidden}` };
}

function isAufs(directory: ByteString): boolean {
  return directory.startsWith(AUFS_PREFIX) || directory.includes(`/${AUFS_PREFIX}`);
}
