import {
  type ByteString,
  bytesToByteString,
  FormatError,
  NO_XATTRS,
  type Xattrs,
} from '@ocirender/interface';
import { XATTR_ENTRY_SIZE, XATTR_HEADER, XATTR_HEADER_SIZE, XATTR_PREFIXES } from '../format.ts';
import type { ImageFile } from './image-file.ts';

const PREFIXES = new Map(XATTR_PREFIXES.map(([prefix, index]) => [index, prefix]));

/**
 * Reads the attributes of an inode.
 *
 * @param file - the image
 * @param position - of the first byte behind the inode
 * @param size - bytes of its attributes, the header included
 * @param sharedStart - where the shared attributes are, in bytes
 * @throws {FormatError} when they are damaged
 */
export async function readXattrs(
  file: ImageFile,
  position: number,
  size: number,
  sharedStart: number,
): Promise<Xattrs> {
  if (size === 0) return NO_XATTRS;
  const body = await file.metadata(position, size, 'attributes');
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const shared = view.getUint8(XATTR_HEADER.sharedCount);
  let at = XATTR_HEADER_SIZE + 4 * shared;
  if (at > size) throw new FormatError(`${shared} shared attributes do not fit into ${size} bytes`, position);
  const xattrs = new Map<ByteString, Uint8Array>();
  while (at < size) {
    const length = entryLength(view, at, size, position + at);
    addEntry(xattrs, body.subarray(at, at + length), position + at);
    at += Math.ceil(length / 4) * 4;
  }
  for (let i = 0; i < shared; i++) {
    const entry = sharedStart + 4 * view.getUint32(XATTR_HEADER_SIZE + 4 * i, true);
    const head = await file.metadata(entry, XATTR_ENTRY_SIZE, 'shared attribute');
    const headView = new DataView(head.buffer, head.byteOffset, head.length);
    const length = XATTR_ENTRY_SIZE + headView.getUint8(0) + headView.getUint16(2, true);
    addEntry(xattrs, await file.metadata(entry, length, 'shared attribute'), entry);
  }
  return xattrs;
}

function entryLength(view: DataView, at: number, size: number, position: number): number {
  if (at + XATTR_ENTRY_SIZE <= size) {
    const length = XATTR_ENTRY_SIZE + view.getUint8(at) + view.getUint16(at + 2, true);
    if (at + length <= size) return length;
  }
  throw new FormatError('an attribute reaches beyond its inode', position);
}

function addEntry(xattrs: Map<ByteString, Uint8Array>, entry: Uint8Array, position: number): void {
  const [nameLength = 0, index = 0] = entry;
  const prefix = PREFIXES.get(index);
  if (prefix === undefined) {
    const what =
      index >= 0x80 ? 'a long name prefix, which this reader does not know' : `name prefix ${index}`;
    throw new FormatError(`an attribute with ${what}`, position);
  }
  const name = prefix + bytesToByteString(entry.subarray(XATTR_ENTRY_SIZE, XATTR_ENTRY_SIZE + nameLength));
  // The first one counts, as for Linux.
  if (!xattrs.has(name)) xattrs.set(name, entry.slice(XATTR_ENTRY_SIZE + nameLength));
}
