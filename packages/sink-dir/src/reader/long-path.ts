import { closeSync, openSync } from 'node:fs';
import { type ByteString, byteStringFromText } from '@ocirender/interface';
import { OPEN_DIRECTORY } from '../format.ts';

/** Linux takes no path of more than 4095 bytes at once (PATH_MAX). */
const MOST = 3500;

/**
 * Uses a path of any length: a long one is walked in pieces, from one open directory to the next.
 *
 * @param root - an absolute path, or one relative to the working directory
 * @param path - below it: a slash before each component, each of at most 255 bytes; empty for the root
 * @param use - is given a path that ends in a NUL byte, and the same without
 * @returns what `use` gives
 * @throws {Error} the system's error
 */
export function withPath<T>(root: string, path: ByteString, use: (path: Buffer, terminated: Buffer) => T): T {
  let base = byteStringFromText(root);
  let rest = path;
  let directory: number | undefined;
  try {
    while (base.length + rest.length > MOST && rest.length > MOST / 2) {
      const cut = rest.lastIndexOf('/', MOST - base.length);
      if (cut <= 0) break;
      const next = openSync(Buffer.from(base + rest.slice(0, cut), 'latin1'), OPEN_DIRECTORY);
      if (directory !== undefined) closeSync(directory);
      directory = next;
      base = `/proc/self/fd/${next}`;
      rest = rest.slice(cut);
    }
    const terminated = Buffer.from(`${base}${rest}\0`, 'latin1');
    return use(terminated.subarray(0, -1), terminated);
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}
