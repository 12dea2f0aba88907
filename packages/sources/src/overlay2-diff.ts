import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import {
  type ByteString,
  bytesToByteString,
  displayPath,
  type Entry,
  type EntryType,
  isOcirenderError,
  LimitError,
  NO_XATTRS,
  OcirenderError,
  type Xattrs,
} from '@ocirender/interface';

const OVERLAY = /^(?:trusted|user)\.overlay\.(.*)$/s;
/** Names of hard links that are remembered. */
const MAX_LINKS = 5_000_000;

/** A member of the tar that stands for a layer. */
export interface DiffEntry {
  readonly entry: Entry;
  /** Where the content is; only for files with a size above 0. */
  readonly path?: ByteString;
}

/** Reads all extended attributes of a path that the process may see; a symbolic link is not followed. */
export type XattrReader = (path: ByteString) => Xattrs;

/**
 * Walks one layer's directory of an overlay file system and gives what an OCI layer would hold: character devices 0:0
 * become whiteouts, opaque directories get their marker, overlayfs' own attributes are left out.
 *
 * @param root - the directory
 * @param readXattrs - reads attributes
 * @returns entries, a directory before its children, names in bytewise order
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` for what only the kernel can put together (redirected
 * directories, files whose contents are in another layer), `ERR_OCIRENDER_INVALID_WHITEOUT`, `ERR_OCIRENDER_IO`
 */
export function* walkDiff(root: string, readXattrs: XattrReader): Generator<DiffEntry> {
  const links = new Map<string, ByteString>();
  const top = bytesToByteString(Buffer.from(root));
  const pending: ByteString[] = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const where = path === '' ? top : `${top}/${path}`;
    try {
      const stats = lstatSync(Buffer.from(where, 'latin1'), { bigint: true });
      if (isWhiteoutName(path)) throw whiteoutName(path);
      const { xattrs, overlay } = split(readXattrs(where), path);
      if (isWhiteout(stats, overlay)) {
        yield { entry: marker(`${path.slice(0, path.lastIndexOf('/') + 1)}.wh.${baseName(path)}`) };
        continue;
      }
      const entry = entryOf(path, stats, xattrs);
      if (entry.type === 'directory') {
        yield { entry };
        if (overlay.get('opaque') === 'y')
          yield { entry: marker(path === '' ? OPAQUE : `${path}/${OPAQUE}`) };
        // Last in, first out.
        const names = readdirSync(Buffer.from(where, 'latin1'), { encoding: 'buffer' }).sort((a, b) =>
          Buffer.compare(a, b),
        );
        for (const name of names.reverse()) {
          pending.push(path === '' ? bytesToByteString(name) : `${path}/${bytesToByteString(name)}`);
        }
        continue;
      }
      if (entry.type === 'symlink') {
        entry.linkTarget = bytesToByteString(
          readlinkSync(Buffer.from(where, 'latin1'), { encoding: 'buffer' }),
        );
      } else if (stats.nlink > 1n) {
        const inode = `${stats.dev}:${stats.ino}`;
        const first = links.get(inode);
        if (first !== undefined) {
          yield { entry: { ...entry, type: 'hardlink', size: 0, linkTarget: first } };
          continue;
        }
        links.set(inode, path);
        if (links.size > MAX_LINKS)
          throw new LimitError('overlay2Links', MAX_LINKS, 'the layer has too many hard links', {
            hint: 'Save the image as an archive (docker save), and convert that.',
          });
      }
      yield entry.size > 0 ? { entry, path: where } : { entry };
    } catch (error) {
      throw readError(error, where);
    }
  }
}

const OPAQUE = '.wh..wh..opq';

/** Takes overlayfs' own attributes apart from the others; refuses what cannot be read without the kernel. */
function split(all: Xattrs, path: ByteString): { xattrs: Xattrs; overlay: ReadonlyMap<string, string> } {
  if (all.size === 0) return { xattrs: all, overlay: NOTHING };
  const own = new Map<ByteString, Uint8Array>();
  const overlay = new Map<string, string>();
  for (const [name, value] of all) {
    const match = OVERLAY.exec(name);
    if (match === null) own.set(name, value);
    else overlay.set(match[1]!, bytesToByteString(value));
  }
  const refused = ['redirect', 'metacopy'].find((name) => overlay.has(name));
  if (refused !== undefined) {
    const why =
      refused === 'redirect' ? 'was renamed (redirect_dir)' : 'has its contents in another layer (metacopy)';
    throw new OcirenderError(
      'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      `"${displayPath(path)}" ${why}: only the kernel can put that together`,
      { hint: 'Use docker save, which writes such layers out, and convert the archive.' },
    );
  }
  return { xattrs: own.size === 0 ? NO_XATTRS : own, overlay };
}

const NOTHING: ReadonlyMap<string, string> = new Map();

function isWhiteout(stats: BigIntStats, overlay: ReadonlyMap<string, string>): boolean {
  if (stats.isCharacterDevice()) return stats.rdev === 0n;
  // The form for storages that are overlays themselves (Linux 6.7).
  return stats.isFile() && stats.size === 0n && overlay.has('whiteout');
}

/** A name that would be taken for a whiteout: no OCI layer can hold it. */
function isWhiteoutName(path: ByteString): boolean {
  return baseName(path).startsWith('.wh.');
}

function whiteoutName(path: ByteString): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_INVALID_WHITEOUT',
    `"${displayPath(path)}" has a name that means a deletion in a layer`,
    { hint: 'Remove the file from the container.' },
  );
}

function entryOf(path: ByteString, stats: BigIntStats, xattrs: Xattrs): Entry {
  const type = typeOf(stats);
  const isDevice = type === 'character-device' || type === 'block-device';
  return {
    type,
    path: path === '' ? '.' : path,
    size: type === 'file' ? Number(stats.size) : 0,
    linkTarget: '',
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    ...timeOf(stats.mtimeNs),
    // glibc's makedev(3).
    devMajor: isDevice ? Number(((stats.rdev >> 32n) & 0xfffff000n) | ((stats.rdev >> 8n) & 0xfffn)) : 0,
    devMinor: isDevice ? Number(((stats.rdev >> 12n) & 0xffffff00n) | (stats.rdev & 0xffn)) : 0,
    xattrs,
  };
}

function typeOf(stats: BigIntStats): EntryType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return stats.isSocket() ? 'socket' : 'fifo';
}

/** Nanoseconds since the epoch as whole seconds, rounded down, and the rest. */
function timeOf(nanoseconds: bigint): { mtime: number; mtimeNs: number } {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { mtime: Number((nanoseconds - rest) / 1_000_000_000n), mtimeNs: Number(rest) };
}

function marker(path: ByteString): Entry {
  return {
    type: 'file',
    path,
    size: 0,
    linkTarget: '',
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    devMajor: 0,
    devMinor: 0,
    xattrs: NO_XATTRS,
  };
}

function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1);
}

function readError(error: unknown, path: ByteString): unknown {
  if (isOcirenderError(error) || !(error instanceof Error) || !('syscall' in error)) return error;
  return new OcirenderError('ERR_OCIRENDER_IO', `${displayPath(path)} cannot be read: ${error.message}`, {
    cause: error,
  });
}
