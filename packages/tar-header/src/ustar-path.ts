import type { ByteString } from '@ocirender/interface';
import * as format from './format.ts';

const MAX_NAME = format.NAME.length;
const MAX_PREFIX = format.PREFIX.length;

/**
 * Divides a path between the two fields that ustar has for it.
 *
 * @param path - a directory's with its slash
 * @returns the shortest prefix that leaves a name of at most 100 bytes; undefined when there is no room
 */
export function splitPath(path: ByteString): { prefix: ByteString; name: ByteString } | undefined {
  if (path.length <= MAX_NAME) return { prefix: '', name: path };
  if (path.length > MAX_PREFIX + 1 + MAX_NAME) return undefined;
  const slash = path.indexOf('/', Math.max(1, path.length - MAX_NAME - 1));
  if (slash < 0 || slash > MAX_PREFIX || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/**
 * Gives what old readers see of a name that a PAX record replaces.
 *
 * @param name - of any length
 * @returns at most 100 bytes, which do not look like a directory's unless the name is short
 */
export function shortenName(name: ByteString): ByteString {
  return name.length <= MAX_NAME ? name : name.slice(0, MAX_NAME).replace(/\/+$/, '');
}

/**
 * Gives the last component of a path.
 *
 * @param path - may end in a slash
 * @returns the component without slashes
 */
export function basename(path: ByteString): ByteString {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}
