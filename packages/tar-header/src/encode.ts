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

const BLOCK = format.BLOCK_SIZE;
const MAX_NAME = format.NAME.length;
const MAX_PREFIX = format.PREFIX.length;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

const TYPE_FLAGS: Readonly<Record<EntryType, number>> = {
  file: format.TYPE_FILE,
  hardlink: format.TYPE_HARDLINK,
  symlink: format.TYPE_SYMLINK,
  'character-device': format.TYPE_CHARACTER_DEVICE,
  'block-device': format.TYPE_BLOCK_DEVICE,
  directory: format.TYPE_DIRECTORY,
  fifo: format.TYPE_FIFO,
};

/** What a tar ends with: two blocks of NULs. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);

/** The values of a header block. */
interface Block {
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
 * Gives what stands before an entry's data: a PAX header where ustar has no room for something, the header
 * block, and the map of a sparse file (GNU sparse format 1.0). The same entry always gives the same bytes.
 *
 * After it come {@link storedSize} bytes (of a sparse file only the data, no holes) and {@link tarPadding}
 * NULs.
 *
 * @param entry - the entry; `extents` makes it sparse
 * @returns whole blocks
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what no tar can hold: a NUL in a name, a file's name
 * that ends in a slash, a number out of range
 */
export function encodeTarHeader(entry: Entry): Uint8Array {
  checkNames(entry);
  const isFile = entry.type === 'file';
  const map = isFile && entry.extents !== undefined ? encodeSparseMap(entry.extents, entry.size) : undefined;
  const size = storedSize(entry) + (map?.length ?? 0);
  const records: PaxRecords = new Map();
  const path = entry.type === 'directory' && entry.path !== '' ? `${entry.path}/` : entry.path;

  let where = splitPath(path);
  if (map !== undefined) {
    setText(records, 'GNU.sparse.major', '1');
    setText(records, 'GNU.sparse.minor', '0');
    setName(records, 'GNU.sparse.name', path);
    setText(records, 'GNU.sparse.realsize', String(entry.size));
    where = { prefix: '', name: shorten(`GNUSparseFile.0/${basename(path)}`) };
  } else if (where === undefined) {
    setName(records, 'path', path);
    where = { prefix: '', name: shorten(path) };
  }
  if (entry.linkTarget.length > format.LINKNAME.length) setName(records, 'linkpath', entry.linkTarget);
  if (size > MAX_OCTAL_11) setText(records, 'size', String(size));
  if (entry.uid > MAX_OCTAL_7) setText(records, 'uid', String(entry.uid));
  if (entry.gid > MAX_OCTAL_7) setText(records, 'gid', String(entry.gid));
  setMetadata(records, entry);

  const block: Block = {
    ...where,
    linkName: shorten(entry.linkTarget),
    type: TYPE_FLAGS[entry.type],
    mode: inRange(entry, 'mode', 0, format.MODE_MASK),
    uid: unless(entry.uid > MAX_OCTAL_7, inRange(entry, 'uid', 0, format.MAX_ID)),
    gid: unless(entry.gid > MAX_OCTAL_7, inRange(entry, 'gid', 0, format.MAX_ID)),
    size: unless(size > MAX_OCTAL_11, size),
    mtime: unless(entry.mtime < 0 || entry.mtime > MAX_OCTAL_11, entry.mtime),
    devMajor: inRange(entry, 'devMajor', 0, format.MAX_ID),
    devMinor: inRange(entry, 'devMinor', 0, format.MAX_ID),
  };
  return assemble(block, records, map, path);
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
  if (records.size === 0) {
    const bytes = Buffer.alloc(BLOCK);
    writeBlock(bytes, block);
    return bytes;
  }
  const body = encodePaxBody(records);
  const bodyEnd = BLOCK + body.length + tarPadding(body.length);
  const bytes = Buffer.alloc(bodyEnd + BLOCK + (map?.length ?? 0));
  writeBlock(bytes, {
    prefix: '',
    name: shorten(`PaxHeaders/${basename(path)}`),
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

function writeBlock(bytes: Buffer, block: Block): void {
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
  for (let at = 0; at < BLOCK; at++) sum += bytes[at]!;
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

/** The shortest prefix that leaves a name of at most 100 bytes; undefined when ustar has no room. */
function splitPath(path: ByteString): { prefix: ByteString; name: ByteString } | undefined {
  if (path.length <= MAX_NAME) return { prefix: '', name: path };
  if (path.length > MAX_PREFIX + 1 + MAX_NAME) return undefined;
  const slash = path.indexOf('/', Math.max(1, path.length - MAX_NAME - 1));
  if (slash < 0 || slash > MAX_PREFIX || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** What old readers see of a name that a PAX record replaces; it must not look like a directory. */
function shorten(name: ByteString): ByteString {
  return name.length <= MAX_NAME ? name : name.slice(0, MAX_NAME).replace(/\/+$/, '');
}

function basename(path: ByteString): ByteString {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
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
