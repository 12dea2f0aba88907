import {
  type ByteString,
  displayPath,
  type Entry,
  type EntryType,
  type Extent,
  OcirenderError,
} from '@ocirender/interface';
import * as format from './format.ts';
import { tarPadding } from './padding.ts';
import { encodePaxBody, type PaxRecords, setMetadata, setName, setText } from './pax-encode.ts';
import { SOCKET_RECORD, SOCKET_VALUE } from './socket-record.ts';
import { type Block, MAX_OCTAL_7, MAX_OCTAL_11, writeBlock } from './ustar-block.ts';
import { basename, shortenName, splitPath } from './ustar-path.ts';

const BLOCK = format.BLOCK_SIZE;

const TYPE_FLAGS: Readonly<Record<EntryType, number>> = {
  file: format.TYPE_FILE,
  hardlink: format.TYPE_HARDLINK,
  symlink: format.TYPE_SYMLINK,
  'character-device': format.TYPE_CHARACTER_DEVICE,
  'block-device': format.TYPE_BLOCK_DEVICE,
  directory: format.TYPE_DIRECTORY,
  fifo: format.TYPE_FIFO,
  socket: format.TYPE_FIFO,
};

/** What the header at hand needs beyond its block: used for one header after the other, since most need nothing. */
const records: PaxRecords = new Map();

/** What a tar ends with: two blocks of NULs. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);

/**
 * Gives what stands before an entry's data: a PAX header where ustar has no room for something, the header
 * block, and the map of a sparse file (GNU sparse format 1.0). The same entry always gives the same bytes.
 *
 * After it come {@link storedSize} bytes (of a sparse file only the data, no holes) and {@link tarPadding}
 * NULs. Extents that do not begin and end at whole blocks are legal, but GNU tar misreads them: pass
 * them through {@link alignExtents}.
 *
 * @param entry - the entry; `extents` makes it sparse
 * @returns whole blocks
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what no tar can hold: a NUL in a name, a file's name
 * that ends in a slash, a number out of range
 */
export function encodeTarHeader(entry: Entry): Uint8Array {
  return encodeHeader(entry, Buffer.alloc(BLOCK));
}

/**
 * As {@link encodeTarHeader}, for writers of many: allocates nothing where one block is enough.
 *
 * @param entry - the entry
 * @param scratch - one block, overwritten and given back if the header fits
 * @returns whole blocks
 */
export function encodeHeader(entry: Entry, scratch: Buffer): Uint8Array {
  checkNames(entry);
  const isFile = entry.type === 'file';
  const map = isFile && entry.extents !== undefined ? encodeSparseMap(entry.extents, entry.size) : undefined;
  const size = storedSize(entry) + (map?.length ?? 0);
  // To clear an empty map costs a new one.
  if (records.size > 0) records.clear();
  const path = entry.type === 'directory' && entry.path !== '' ? `${entry.path}/` : entry.path;

  let where = splitPath(path);
  if (map !== undefined) {
    setText(records, 'GNU.sparse.major', '1');
    setText(records, 'GNU.sparse.minor', '0');
    setName(records, 'GNU.sparse.name', path);
    setText(records, 'GNU.sparse.realsize', String(entry.size));
    where = { prefix: '', name: shortenName(`GNUSparseFile.0/${basename(path)}`) };
  } else if (where === undefined) {
    setName(records, 'path', path);
    where = { prefix: '', name: shortenName(path) };
  }
  if (entry.linkTarget.length > format.LINKNAME.length) setName(records, 'linkpath', entry.linkTarget);
  if (size > MAX_OCTAL_11) setText(records, 'size', String(size));
  if (entry.uid > MAX_OCTAL_7) setText(records, 'uid', String(entry.uid));
  if (entry.gid > MAX_OCTAL_7) setText(records, 'gid', String(entry.gid));
  setMetadata(records, entry);
  if (entry.type === 'socket') records.set(SOCKET_RECORD, SOCKET_VALUE);

  const block: Block = {
    prefix: where.prefix,
    name: where.name,
    linkName: shortenName(entry.linkTarget),
    type: TYPE_FLAGS[entry.type],
    mode: inRange(entry, 'mode', 0, format.MODE_MASK),
    uid: unless(entry.uid > MAX_OCTAL_7, inRange(entry, 'uid', 0, format.MAX_ID)),
    gid: unless(entry.gid > MAX_OCTAL_7, inRange(entry, 'gid', 0, format.MAX_ID)),
    size: unless(size > MAX_OCTAL_11, size),
    mtime: unless(entry.mtime < 0 || entry.mtime > MAX_OCTAL_11, entry.mtime),
    devMajor: inRange(entry, 'devMajor', 0, format.MAX_ID),
    devMinor: inRange(entry, 'devMinor', 0, format.MAX_ID),
  };
  if (records.size > 0) return assemble(block, records, map, path);
  scratch.fill(0);
  writeBlock(scratch, block);
  return scratch;
}

/**
 * Gives the number of content bytes that the archive stores for an entry.
 *
 * @param entry - the entry
 * @returns the size of a file, or of the data extents of a sparse one; 0 for all else
 */
export function storedSize(entry: Entry): number {
  if (entry.type !== 'file') return 0;
  if (entry.extents === undefined) return inRange(entry, 'size', 0, Number.MAX_SAFE_INTEGER);
  return entry.extents.reduce((sum, extent) => sum + extent.length, 0);
}

function assemble(
  block: Block,
  records: PaxRecords,
  map: Uint8Array | undefined,
  path: ByteString,
): Uint8Array {
  const body = encodePaxBody(records);
  const bodyEnd = BLOCK + body.length + tarPadding(body.length);
  const bytes = Buffer.alloc(bodyEnd + BLOCK + (map?.length ?? 0));
  writeBlock(bytes, {
    prefix: '',
    name: shortenName(`PaxHeaders/${basename(path)}`),
    linkName: '',
    type: format.TYPE_PAX,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: 0,
    devMajor: 0,
    devMinor: 0,
  });
  bytes.set(body, BLOCK);
  writeBlock(bytes.subarray(bodyEnd, bodyEnd + BLOCK), block);
  if (map !== undefined) bytes.set(map, bodyEnd + BLOCK);
  return bytes;
}

/** Decimal lines: how many extents, then offset and length of each, padded to whole blocks. */
function encodeSparseMap(extents: readonly Extent[], size: number): Uint8Array {
  const lines: number[] = [];
  for (const { offset, length } of extents) lines.push(offset, length);
  // GNU tar extends a file that ends in a hole only where an empty extent says so.
  const last = extents.at(-1);
  if (last === undefined || last.offset + last.length < size) lines.push(size, 0);
  const text = `${[lines.length / 2, ...lines].join('\n')}\n`;
  const bytes = Buffer.alloc(text.length + tarPadding(text.length));
  bytes.write(text, 'latin1');
  return bytes;
}

function unless(condition: boolean, value: number): number {
  return condition ? 0 : value;
}

function inRange(
  entry: Entry,
  key: 'mode' | 'uid' | 'gid' | 'size' | 'devMajor' | 'devMinor',
  min: number,
  max: number,
): number {
  const value = entry[key];
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  return refuse(entry, `has the impossible ${key} ${value}`);
}

function checkNames(entry: Entry): void {
  if (entry.path.includes('\0') || entry.linkTarget.includes('\0'))
    refuse(entry, 'has a NUL in its name or target');
  if (entry.type === 'file' && entry.path.endsWith('/'))
    refuse(entry, 'is a file with the name of a directory');
  if (!Number.isSafeInteger(entry.mtime)) refuse(entry, `has the impossible mtime ${entry.mtime}`);
}

function refuse(entry: Entry, what: string): never {
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `tar: the entry "${displayPath(entry.path)}" ${what}`);
}
