import {
  type ByteString,
  displayPath,
  type Entry,
  type EntryType,
  FormatError,
  LimitError,
  NO_XATTRS,
  type Xattrs,
} from '@ocirender/interface';
import * as format from './format.ts';
import type { HeaderBlock } from './header-block.ts';
import type { TarLimits } from './limits.ts';
import type { PaxSparse } from './pax-sparse.ts';
import type { PaxValues } from './pax-values.ts';

/** What headers ahead of an entry's own block say about it. */
export interface Overrides {
  readonly local: PaxValues | undefined;
  readonly global: PaxValues | undefined;
  /** GNU long name and link name; as in Go's reader (and so in every container runtime) they win over PAX. */
  readonly longName: ByteString | undefined;
  readonly longLink: ByteString | undefined;
}

/** An entry and what follows its header block. */
export interface Built {
  readonly entry: Entry;
  /** Bytes that the archive stores after the header block, without padding. */
  readonly stored: number;
  /** Whether the stored bytes are the entry's content, else they are skipped. */
  readonly hasContent: boolean;
  /** Where the sparse map is: pairs already read, extension blocks after the header, or ahead of the data. */
  readonly sparse: 'none' | 'pairs' | 'extension-blocks' | 'map-blocks';
  /** Sparse pairs read so far. */
  readonly pairs: number[];
}

const NO_PAIRS: number[] = [];

const TYPES: ReadonlyMap<number, EntryType> = new Map([
  [format.TYPE_V7_FILE, 'file'],
  [format.TYPE_FILE, 'file'],
  [format.TYPE_CONTIGUOUS_FILE, 'file'],
  [format.TYPE_GNU_SPARSE, 'file'],
  [format.TYPE_HARDLINK, 'hardlink'],
  [format.TYPE_SYMLINK, 'symlink'],
  [format.TYPE_CHARACTER_DEVICE, 'character-device'],
  [format.TYPE_BLOCK_DEVICE, 'block-device'],
  [format.TYPE_DIRECTORY, 'directory'],
  [format.TYPE_GNU_DUMPDIR, 'directory'],
  [format.TYPE_FIFO, 'fifo'],
]);

/**
 * Makes the canonical entry of a header block and of what came before it.
 *
 * @param header - the entry's own header block
 * @param overrides - PAX records and long names that apply
 * @param limits - the limits in force
 * @returns the entry, and how to read on
 * @throws {FormatError} when a field is malformed, out of range or missing, or the type is unknown
 * @throws {LimitError} `pathBytes`
 */
export function buildEntry(header: HeaderBlock, overrides: Overrides, limits: TarLimits): Built {
  const { local, global } = overrides;
  let type = TYPES.get(header.type);
  const sparse = type === 'file' ? local?.sparse : undefined;
  let path =
    (type === 'file' ? local?.sparseName : undefined) ??
    overrides.longName ??
    pick(local?.path, global?.path) ??
    header.path();
  if (type === undefined) throw unknownType(header, path);
  const hasSlash = path.endsWith('/');
  // The oldest archives have no type for directories.
  if (hasSlash && header.type === format.TYPE_V7_FILE) type = 'directory';
  const maybeDirectory = hasSlash && header.type === format.TYPE_FILE;
  if ((maybeDirectory || type === 'directory') && path.length > 1 && hasSlash) path = path.slice(0, -1);
  checkLength(path, limits, header);
  header.entryPath = path;
  local?.check(path);
  global?.check(path, local);

  const isDevice = type === 'character-device' || type === 'block-device';
  const mtime = pick(local?.mtime, global?.mtime);
  const entry: Entry = {
    type,
    path,
    size: 0,
    linkTarget: type === 'symlink' || type === 'hardlink' ? linkTarget(header, overrides, limits) : '',
    devMajor: isDevice
      ? (pick(local?.devMajor, global?.devMajor) ?? header.device('major', format.MAX_ID))
      : 0,
    devMinor: isDevice
      ? (pick(local?.devMinor, global?.devMinor) ?? header.device('minor', format.MAX_ID))
      : 0,
    mode: modeOf(header, local?.aclMode ?? global?.aclMode),
    uid: pick(local?.uid, global?.uid) ?? header.number(format.UID, 'uid', 0, format.MAX_ID),
    gid: pick(local?.gid, global?.gid) ?? header.number(format.GID, 'gid', 0, format.MAX_ID),
    mtime:
      mtime?.seconds ??
      header.number(format.MTIME, 'mtime', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    mtimeNs: mtime?.nanoseconds ?? 0,
    xattrs: mergeXattrs(local, global, limits),
  };
  const extra = mergeExtra(local, global);
  if (extra !== undefined) entry.extraPax = extra;
  const built = withContent(header, entry, overrides, sparse);
  // Old writers say "file" of a directory and put a slash behind its name; what has contents is a file, as in Go's
  // reader (and so in every container runtime).
  if (!maybeDirectory || built.sparse !== 'none' || built.stored > 0) return built;
  entry.type = 'directory';
  return { ...built, hasContent: false };
}

function withContent(
  header: HeaderBlock,
  entry: Entry,
  overrides: Overrides,
  sparse: PaxSparse | undefined,
): Built {
  // Only files (and GNU's dumpdirs, and directories that are files with a slash) have a body. A size on a
  // link, device or directory says nothing about the archive: Go and GNU tar ignore it too.
  const hasBody =
    entry.type === 'file' || (entry.type === 'directory' && header.type !== format.TYPE_DIRECTORY);
  if (!hasBody) return { entry, stored: 0, hasContent: false, sparse: 'none', pairs: NO_PAIRS };
  const stored =
    pick(overrides.local?.size, overrides.global?.size) ??
    header.number(format.SIZE, 'size', 0, Number.MAX_SAFE_INTEGER);
  if (entry.type === 'directory')
    return { entry, stored, hasContent: false, sparse: 'none', pairs: NO_PAIRS };
  if (header.type === format.TYPE_GNU_SPARSE) {
    if (header.dialect !== 'gnu')
      throw new FormatError('tar: a GNU sparse entry in a header that is not GNU', header.offset);
    entry.size = header.number(format.GNU_REAL_SIZE, 'real size', 0, Number.MAX_SAFE_INTEGER);
    return { entry, stored, hasContent: true, sparse: 'extension-blocks', pairs: [] };
  }
  entry.size = stored;
  if (sparse === undefined) return { entry, stored, hasContent: true, sparse: 'none', pairs: NO_PAIRS };
  return paxSparse(header, entry, stored, sparse);
}

function paxSparse(header: HeaderBlock, entry: Entry, stored: number, sparse: PaxSparse): Built {
  const { major, minor, size, pairs } = sparse;
  const version = major === undefined && minor === undefined ? '0' : `${major ?? ''}.${minor ?? ''}`;
  const isMapAhead = version === '1.0';
  if (!isMapAhead && version !== '0' && version !== '0.0' && version !== '0.1') {
    throw new FormatError(`tar: the unknown GNU sparse format ${JSON.stringify(version)}`, header.offset);
  }
  if (!isMapAhead && pairs === undefined) {
    // A lone GNU.sparse.name or size, without a map: a file like any other.
    return { entry, stored, hasContent: true, sparse: 'none', pairs: NO_PAIRS };
  }
  if (size === undefined)
    throw new FormatError('tar: a GNU sparse entry without its real size', header.offset);
  if (pairs !== undefined && pairs.length % 2 !== 0) {
    throw new FormatError('tar: a GNU sparse map with half an extent', header.offset);
  }
  entry.size = size;
  return isMapAhead
    ? { entry, stored, hasContent: true, sparse: 'map-blocks', pairs: [] }
    : { entry, stored, hasContent: true, sparse: 'pairs', pairs: pairs ?? [] };
}

/** libarchive writes the group's own bits into the header of a file with an ACL, where the kernel has the mask. */
function modeOf(header: HeaderBlock, aclMode: number | undefined): number {
  const value = header.number(format.MODE, 'mode', 0, Number.MAX_SAFE_INTEGER);
  const mode = value % (format.MODE_MASK + 1);
  return aclMode === undefined ? mode : (mode & 0o7000) | aclMode;
}

function linkTarget(
  header: HeaderBlock,
  { local, global, longLink }: Overrides,
  limits: TarLimits,
): ByteString {
  const target = longLink ?? pick(local?.linkpath, global?.linkpath) ?? header.linkName();
  checkLength(target, limits, header);
  return target;
}

/** A local record hides a global one; a deleted one (null) lets the header block speak. */
function pick<T>(local: T | null | undefined, global: T | null | undefined): T | undefined {
  return (local === undefined ? global : local) ?? undefined;
}

function checkLength(name: ByteString, limits: TarLimits, header: HeaderBlock): void {
  if (name.length <= limits.pathBytes) return;
  throw new LimitError(
    'pathBytes',
    limits.pathBytes,
    `tar: a path or link target of ${name.length} bytes at byte ${header.offset}`,
  );
}

function mergeXattrs(local: PaxValues | undefined, global: PaxValues | undefined, limits: TarLimits): Xattrs {
  if (global?.xattrs === undefined) return local?.xattrs ?? NO_XATTRS;
  if (local?.xattrs === undefined) return global.xattrs;
  const bytes = local.xattrBytes + global.xattrBytes;
  if (bytes > limits.xattrBytes) {
    throw new LimitError('xattrBytes', limits.xattrBytes, `tar: xattrs of ${bytes} bytes`);
  }
  return new Map([...global.xattrs, ...local.xattrs]);
}

function mergeExtra(
  local: PaxValues | undefined,
  global: PaxValues | undefined,
): ReadonlyMap<ByteString, Uint8Array> | undefined {
  if (local?.extra === undefined && global?.extra === undefined) return undefined;
  const merged = new Map<ByteString, Uint8Array>();
  for (const [key, value] of [...(global?.extra ?? []), ...(local?.extra ?? [])]) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return merged.size === 0 ? undefined : merged;
}

function unknownType(header: HeaderBlock, path: ByteString): FormatError {
  const flag = JSON.stringify(String.fromCharCode(header.type));
  return new FormatError(
    `tar: the entry "${displayPath(path)}" is of the unknown type ${flag}`,
    header.offset,
    {
      hint: 'Container runtimes refuse such a layer too.',
    },
  );
}
