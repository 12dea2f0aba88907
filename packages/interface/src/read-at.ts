import { readSync } from 'node:fs';

/**
 * Reads a part of a file, at once.
 *
 * @param fd - of the file
 * @param into - what is filled
 * @param position - from the start of the file
 * @returns how many bytes there were before the file's end
 * @throws system errors
 */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
