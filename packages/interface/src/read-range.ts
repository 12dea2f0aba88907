import { crc32 } from 'node:zlib';
import type { KeptRange } from './kept-work.ts';
import { readAt } from './read-at.ts';

/**
 * Reads an item's bytes in parts, and checks them.
 *
 * @param range - where they are
 * @param buffer - what they are read into, one part after the other
 * @param take - is given each part, before all are checked, and where it begins in the item
 * @returns whether all were there and their CRC-32 is right
 * @throws system errors; what `take` throws
 */
export function readRange(
  { fd, position, size, crc32: sum }: KeptRange,
  buffer: Uint8Array,
  take: (bytes: Uint8Array, from: number) => void,
): boolean {
  let crc = 0;
  for (let done = 0; done < size; ) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, size - done));
    if (readAt(fd, bytes, position + done) < bytes.length) return false;
    crc = crc32(bytes, crc);
    take(bytes, done);
    done += bytes.length;
  }
  return crc === sum;
}
