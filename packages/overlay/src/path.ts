import type { ByteString } from '@ocirender/interface';

/** An empty, `.` or `..` component anywhere (also a leading or trailing slash). */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** A path made canonical. */
export interface CleanPath {
  /** Components joined by single slashes; no leading or trailing slash; empty for the root. */
  readonly path: ByteString;
  /** True when `..` would have left the root; `path` is then clamped there. */
  readonly escapes: boolean;
}

/**
 * Makes an archive's spelling of a path canonical: `./a`, `/a`, `a//b` and `a/./b` lose the excess, `..` is
 * resolved lexically inside the root, as containerd and umoci do.
 *
 * @param spelled - the name as the archive has it
 * @returns the canonical path, and whether it tried to leave the root
 */
export function cleanPath(spelled: ByteString): CleanPath {
  if (!UNCLEAN.test(spelled)) return { path: spelled, escapes: false };
  const parts: ByteString[] = [];
  let escapes = false;
  for (const part of spelled.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) escapes = true;
  }
  return { path: parts.join('/'), escapes };
}

/**
 * Gives the directory part of a canonical path.
 *
 * @param path - a canonical path
 * @returns everything before the last slash; empty for a name in the root
 */
export function parentPath(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/**
 * Gives the last component of a canonical path.
 *
 * @param path - a canonical path
 * @returns everything after the last slash
 */
export function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Counts the components of a canonical path.
 *
 * @param path - a canonical path
 * @returns 0 for the root
 */
export function pathDepth(path: ByteString): number {
  if (path === '') return 0;
  let depth = 1;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++;
  return depth;
}
