import type { Inode } from '@ocirender/interface';
import type { Time } from './inode.ts';

/**
 * Finds the time that most inodes have: the superblock's, which lets the short form hold them. It is no clock: the tree
 * alone decides it.
 */
export class EpochFinder {
  /** Counts by seconds for whole seconds, by text for others. */
  readonly #counts = new Map<number | string, number>();

  /** Counts an inode. */
  add({ mtime, mtimeNs, uid, gid }: Inode): void {
    if (uid > 0xffff || gid > 0xffff) return;
    const key = mtimeNs === 0 ? mtime : `${mtime}.${mtimeNs}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** The most frequent time, the earliest of several. */
  result(): Time {
    let best: Time = { seconds: 0, nanoseconds: 0 };
    let most = 0;
    for (const [key, count] of this.#counts) {
      if (count < most) continue;
      const [seconds, nanoseconds] = typeof key === 'number' ? [key, 0] : key.split('.').map(Number);
      const time = { seconds: seconds as number, nanoseconds: nanoseconds as number };
      if (count > most || isEarlier(time, best)) best = time;
      most = count;
    }
    return best;
  }
}

function isEarlier(a: Time, b: Time): boolean {
  return a.seconds === b.seconds ? a.nanoseconds < b.nanoseconds : a.seconds < b.seconds;
}
