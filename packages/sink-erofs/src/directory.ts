import type { ByteString } from '@ocirender/interface';
import { DIRENT, DIRENT_SIZE } from './format.ts';

/** One name to be listed. */
export interface ListedName {
  readonly name: ByteString;
  readonly nid: number;
  /** A number of `FILE_KIND`. */
  readonly kind: number;
}

/**
 * Computes the size of a listing.
 *
 * @param lengths - lengths of the names in their order, `.` and `..` among them
 * @param blockSize - bytes
 * @returns bytes; the last block counts as far as it is used
 */
export function listingSize(lengths: Iterable<number>, blockSize: number): number {
  let full = 0;
  let used = 0;
  for (const length of lengths) {
    if (used + DIRENT_SIZE + length > blockSize) {
      full += blockSize;
      used = 0;
    }
    used += DIRENT_SIZE + length;
  }
  return full + used;
}

/**
 * Encodes a listing: in each block the entries, then their names.
 *
 * @param names - in bytewise order, `.` and `..` among them
 * @param size - what {@link listingSize} said
 * @param blockSize - bytes
 */
export function encodeListing(names: readonly ListedName[], size: number, blockSize: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let start = 0;
  for (let first = 0; first < names.length; start += blockSize) {
    let end = first;
    let used = 0;
    for (let name = names[end]; name !== undefined; name = names[++end]) {
      if (used + DIRENT_SIZE + name.name.length > blockSize) break;
      used += DIRENT_SIZE + name.name.length;
    }
    encodeBlock(names, first, end, view, start);
    first = end;
  }
  return bytes;
}

function encodeBlock(
  names: readonly ListedName[],
  first: number,
  end: number,
  view: DataView,
  start: number,
): void {
  let nameOffset = DIRENT_SIZE * (end - first);
  for (let i = first; i < end; i++) {
    const { name, nid, kind } = names[i] as ListedName;
    const at = start + DIRENT_SIZE * (i - first);
    view.setUint32(at + DIRENT.nid, nid % 0x1_0000_0000, true);
    view.setUint32(at + DIRENT.nid + 4, Math.floor(nid / 0x1_0000_0000), true);
    view.setUint16(at + DIRENT.nameOffset, nameOffset, true);
    view.setUint8(at + DIRENT.kind, kind);
    for (let j = 0; j < name.length; j++) view.setUint8(start + nameOffset + j, name.charCodeAt(j));
    nameOffset += name.length;
  }
}
