import { type ByteString, FormatError } from '@ocirender/interface';

/** A name and the number of its inode. */
export interface NamedInode {
  readonly name: ByteString;
  readonly inode: number;
}

/**
 * Takes the entries out of one directory block; those of a hash tree's inner blocks look like one empty entry.
 *
 * @param bytes - the block, or the part of an inode that holds entries
 * @param position - where it is in the image, for messages
 * @param names - taken entries are added here, without `.` and `..`
 * @throws {FormatError} for entries that lead out of the block
 */
export function readEntries(bytes: Buffer, position: number, names: NamedInode[]): void {
  for (let at = 0; at < bytes.length; ) {
    const bad = (what: string): never => {
      throw new FormatError(`a directory entry ${what}`, position + at);
    };
    if (bytes.length - at < 8) bad('without an end');
    const inode = bytes.readUInt32LE(at);
    const size = recordSize(bytes.readUInt16LE(at + 4), bytes.length);
    const nameLength = bytes[at + 6] as number;
    if (size < 8 || size % 4 !== 0 || at + size > bytes.length) bad(`of ${size} bytes`);
    if (inode !== 0) {
      if (nameLength === 0 || 8 + nameLength > size) bad(`with a name of ${nameLength} bytes in ${size}`);
      const name = bytes.toString('latin1', at + 8, at + 8 + nameLength);
      if (name.includes('/') || name.includes('\0')) bad('with a name that cannot be');
      if (name !== '.' && name !== '..') names.push({ name, inode });
    }
    at += size;
  }
}

/** Blocks of 64 KiB do not fit into the 16 bits of a record's size: two values stand for them. */
function recordSize(size: number, blockSize: number): number {
  return blockSize >= 65_536 && (size === 65_535 || size === 0) ? blockSize : size;
}
