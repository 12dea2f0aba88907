import { type ByteString, bytesToByteString, FormatError } from '@ocirender/interface';
import { DIRENT, DIRENT_SIZE, MAX_NAME_LENGTH } from '../format.ts';
import { safe } from './superblock.ts';

/** One name of a directory. */
export interface Dirent {
  readonly name: ByteString;
  readonly nid: number;
}

/**
 * Reads one block of a listing.
 *
 * @param block - its bytes, the last one of a directory perhaps short
 * @param where - names the directory, for messages
 * @param position - of the block in the listing, in bytes
 * @param before - the last name of the block before; names are in bytewise order
 * @returns the names, `.` and `..` among them
 * @throws {FormatError} when it is damaged
 */
export function readListingBlock(
  block: Uint8Array,
  where: string,
  position: number,
  before: ByteString | undefined,
): Dirent[] {
  const fail = (message: string): never => {
    throw new FormatError(`${where}: ${message}`, position);
  };
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  if (block.length < DIRENT_SIZE) return fail(`a listing block of ${block.length} bytes`);
  const first = view.getUint16(DIRENT.nameOffset, true);
  if (first < DIRENT_SIZE || first % DIRENT_SIZE !== 0 || first >= block.length)
    return fail(`names at ${first} of a block of ${block.length} bytes`);
  const entries: Dirent[] = [];
  let last = before;
  for (let at = 0; at < first; at += DIRENT_SIZE) {
    const start = view.getUint16(at + DIRENT.nameOffset, true);
    const isLast = at + DIRENT_SIZE === first;
    const end = isLast ? endOfName(block, start) : view.getUint16(at + DIRENT_SIZE + DIRENT.nameOffset, true);
    if (start < first || end <= start || end > block.length || end - start > MAX_NAME_LENGTH)
      return fail(`a name from ${start} to ${end} of a block of ${block.length} bytes`);
    const name = bytesToByteString(block.subarray(start, end));
    if (name.includes('/') || name.includes('\0')) return fail('a name with a slash or NUL');
    if (last !== undefined && name <= last) return fail('names out of order');
    last = name;
    entries.push({ name, nid: safe(view.getBigUint64(at + DIRENT.nid, true), position + at) });
  }
  return entries;
}

function endOfName(block: Uint8Array, start: number): number {
  const end = block.indexOf(0, start);
  return end < 0 ? block.length : end;
}
