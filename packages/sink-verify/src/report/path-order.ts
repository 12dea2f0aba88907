import type { ByteString } from '@ocirender/interface';

const SLASH = 0x2f;

/**
 * Orders paths as a walk meets them: a directory before what it holds, siblings in bytewise order.
 *
 * @param a - a path
 * @param b - another path
 * @returns negative, 0 or positive, for `Array.sort`
 */
export function comparePaths(a: ByteString, b: ByteString): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    // A slash ends a component: what is below `a` comes before `a-b`.
    if (x !== y) return (x === SLASH ? -1 : x) - (y === SLASH ? -1 : y);
  }
  return a.length - b.length;
}
