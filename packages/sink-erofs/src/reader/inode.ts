import { FormatError, type ImageNode, type Inode } from '@ocirender/interface';
import {
  COMPACT_INODE_SIZE,
  EXTENDED_INODE_SIZE,
  FILE_KIND,
  INODE,
  LAYOUT,
  MAX_SYMLINK_TARGET,
  XATTR_HEADER_SIZE,
} from '../format.ts';
import type { ImageFile } from './image-file.ts';
import { inodePosition, type ReadSuperblock, safe } from './superblock.ts';
import { readXattrs } from './xattrs.ts';

/** A node of an EROFS image. */
export interface ErofsNode extends ImageNode {
  readonly links: number;
  /** One of `LAYOUT`. */
  readonly layout: number;
  /** First block, chunk format, or number of compressed blocks. */
  readonly union: number;
  /** Bytes of data: contents, listing or target. */
  readonly dataSize: number;
  /** Where stands what is beside the inode, in bytes. */
  readonly beside: number;
}

const TYPES = new Map<number, Inode['type']>(
  Object.entries(FILE_KIND).map(([type, { mode }]) => [mode, type as Inode['type']]),
);

/**
 * Reads an inode; the target of a symbolic link is still missing.
 *
 * @param file - the image
 * @param superblock - of the image
 * @param nid - the inode's number
 * @throws {FormatError} when it is damaged
 */
export async function readInode(
  file: ImageFile,
  superblock: ReadSuperblock,
  nid: number,
): Promise<ErofsNode> {
  const position = inodePosition(superblock, nid);
  const head = await file.metadata(position, COMPACT_INODE_SIZE, `inode ${nid}`);
  const format = new DataView(head.buffer, head.byteOffset).getUint16(INODE.format, true);
  const extended = (format & 1) !== 0;
  const size = extended ? EXTENDED_INODE_SIZE : COMPACT_INODE_SIZE;
  const bytes = extended ? await file.metadata(position, size, `inode ${nid}`) : head;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const layout = format >> 1;
  if (layout > LAYOUT.chunks)
    throw new FormatError(`inode ${nid}: unknown format 0x${format.toString(16)}`, position);
  const mode = view.getUint16(INODE.mode, true);
  const type = TYPES.get(mode & 0o170000);
  if (type === undefined) throw new FormatError(`inode ${nid}: mode 0${mode.toString(8)}`, position);
  const fields = extended ? extendedFields(view, position) : compactFields(view, superblock.epoch);
  const count = view.getUint16(INODE.xattrCount, true);
  const xattrSize = count === 0 ? 0 : XATTR_HEADER_SIZE + 4 * (count - 1);
  const { dataSize, union } = fields;
  if (dataSize < 0) throw new FormatError(`inode ${nid}: a size of ${dataSize} bytes`, position);
  if (type === 'symlink' && dataSize > MAX_SYMLINK_TARGET)
    throw new FormatError(`inode ${nid}: a link target of ${dataSize} bytes`, position);
  const isDevice = type === 'character-device' || type === 'block-device';
  return {
    ...fields,
    type,
    mode: mode & 0o7777,
    id: nid,
    size: type === 'file' || type === 'symlink' ? dataSize : 0,
    target: '',
    devMajor: isDevice ? (union >>> 8) & 0xfff : 0,
    devMinor: isDevice ? (union & 0xff) | ((union >>> 12) & 0xf_ff00) : 0,
    layout,
    beside: position + size + xattrSize,
    xattrs: await readXattrs(file, position + size, xattrSize, superblock.xattrStart),
  };
}

type Fields = Pick<ErofsNode, 'links' | 'dataSize' | 'union' | 'uid' | 'gid' | 'mtime' | 'mtimeNs'>;

function compactFields(view: DataView, [mtime, mtimeNs]: readonly [number, number]): Fields {
  const at = INODE.compact;
  return {
    links: view.getUint16(at.links, true),
    dataSize: view.getUint32(at.size, true),
    union: view.getUint32(at.union, true),
    uid: view.getUint16(at.uid, true),
    gid: view.getUint16(at.gid, true),
    mtime,
    mtimeNs,
  };
}

function extendedFields(view: DataView, position: number): Fields {
  const at = INODE.extended;
  const mtimeNs = view.getUint32(at.mtimeNs, true);
  if (mtimeNs >= 1e9) throw new FormatError(`a time with ${mtimeNs} nanoseconds`, position + at.mtimeNs);
  return {
    links: view.getUint32(at.links, true),
    dataSize: safe(view.getBigInt64(at.size, true), position + at.size),
    union: view.getUint32(at.union, true),
    uid: view.getUint32(at.uid, true),
    gid: view.getUint32(at.gid, true),
    mtime: safe(view.getBigInt64(at.mtime, true), position + at.mtime),
    mtimeNs,
  };
}
