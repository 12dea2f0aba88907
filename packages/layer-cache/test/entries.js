// What the processes of processes.test.ts keep, and whoever looks expects: made of nothing but a number.
import { createHash } from 'node:crypto';

export const LIMITS = { pathBytes: 4096 };

/** The layer of a number. */
export function keyOf(number) {
  const diffId = `sha256:${createHash('sha256').update(String(number)).digest('hex')}`;
  return { diffId, digest: diffId };
}

/** Its events: some kilobytes. */
export function eventsOf(number) {
  return Array.from({ length: 50 + (number % 100) }, (_, index) => ({
    type: 'entry',
    entry: {
      type: 'file',
      path: createHash('sha256').update(`${number} ${index}`).digest('hex'),
      size: index,
      mode: 0o644,
      uid: number,
      gid: index,
      mtime: 0,
      mtimeNs: 0,
      linkTarget: '',
      devMajor: 0,
      devMinor: 0,
      xattrs: new Map(),
    },
  }));
}
