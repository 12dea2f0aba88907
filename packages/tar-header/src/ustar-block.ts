import type { ByteString } from '@ocirender/interface';
import * as format from './format.ts';

/** The largest number in a field of 8 bytes. */
export const MAX_OCTAL_7 = 0o7777777;
/** The largest number in a field of 12 bytes: 8 GiB - 1. */
export const MAX_OCTAL_11 = 0o77777777777;

/** The values of a header block. */
export interface Block {
  readonly prefix: ByteString;
  readonly name: ByteString;
  readonly linkName: ByteString;
  readonly type: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly devMajor: number;
  readonly devMinor: number;
}

/**
 * Writes a POSIX header block with its checksum.
 *
 * @param bytes - one block of NULs
 * @param block - values that fit; device numbers may have 32 bits
 */
export function writeBlock(bytes: Buffer, block: Block): void {
  bytes.write(block.name, format.NAME.offset, 'latin1');
  writeNumber(bytes, format.MODE, block.mode);
  writeNumber(bytes, format.UID, block.uid);
  writeNumber(bytes, format.GID, block.gid);
  writeNumber(bytes, format.SIZE, block.size);
  writeNumber(bytes, format.MTIME, block.mtime);
  bytes.fill(0x20, format.CHECKSUM.offset, format.CHECKSUM.offset + format.CHECKSUM.length);
  bytes[format.TYPEFLAG_OFFSET] = block.type;
  if (block.linkName !== '') bytes.write(block.linkName, format.LINKNAME.offset, 'latin1');
  bytes.write('ustar\x0000', format.MAGIC.offset, 'latin1');
  writeNumber(bytes, format.DEV_MAJOR, block.devMajor);
  writeNumber(bytes, format.DEV_MINOR, block.devMinor);
  if (block.prefix !== '') bytes.write(block.prefix, format.PREFIX.offset, 'latin1');
  let sum = 0;
  for (let at = 0; at < format.BLOCK_SIZE; at++) sum += bytes[at]!;
  // Six digits, a NUL, a space.
  writeOctal(bytes, format.CHECKSUM.offset, 6, sum);
  bytes[format.CHECKSUM.offset + 6] = 0;
}

/** Octal with a NUL at the end; base-256 for the only numbers that neither octal nor PAX can say, devices. */
function writeNumber(bytes: Buffer, { offset, length }: format.Field, value: number): void {
  if (value <= (length === 8 ? MAX_OCTAL_7 : MAX_OCTAL_11)) {
    writeOctal(bytes, offset, length - 1, value);
    return;
  }
  bytes[offset] = 0x80;
  bytes.writeUInt32BE(value, offset + length - 4);
}

function writeOctal(bytes: Buffer, offset: number, digits: number, value: number): void {
  let left = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    bytes[at] = 0x30 + (left % 8);
    left = Math.floor(left / 8);
  }
}
