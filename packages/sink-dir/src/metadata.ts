import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { type ByteString, displayPath, type Metadata } from '@ocirender/interface';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, NO_ID, OPEN_PATH } from './format.ts';
import type { Libc } from './libc.ts';
import type { Shortfall, ShortfallKind } from './shortfall.ts';
import { check, ioError, isRefusal, systemError } from './system-error.ts';

const { E2BIG, ENOSPC, ERANGE, ENAMETOOLONG } = constants.errno;

/** Room for attributes that every file system has; ENOSPC for fewer bytes means that the disk is full. */
const XATTR_ROOM = 3000;
/** Times at or beyond the ends of 32 bits are read back: file systems clamp them without a word. */
const MIN_TIME = -(2 ** 31);
const MAX_TIME = 2 ** 31 - 1;
const PROBE_NS = 123_456_789;

const BOTH = 3;
const UID_ONLY = 2;
const GID_ONLY = 1;

/**
 * Sets owners, attributes, modes and times, in the order in which none undoes another: chown clears setuid
 * bits and capabilities, attributes need a writable file, and everything but utimensat may touch times.
 * What is refused goes to the shortfall.
 */
export class MetadataWriter {
  readonly #libc: Libc;
  readonly #shortfall: Shortfall;
  /** What chown allowed for a pair of ids: the answer is the same for every file of one file system. */
  readonly #owners = new Map<string, number>();
  readonly #uid = process.geteuid?.() ?? 0;

  readonly #isCoarse: boolean;

  /**
   * @param root - descriptor of the output directory: whether its file system keeps nanoseconds is tried on it
   */
  constructor(libc: Libc, shortfall: Shortfall, root: number) {
    this.#libc = libc;
    this.#shortfall = shortfall;
    libc.futimens(root, 1, PROBE_NS);
    this.#isCoarse = fstatSync(root, { bigint: true }).mtimeNs !== BigInt(1_000_000_000 + PROBE_NS);
  }

  /**
   * Tries to set everything on a file that is open, for which the final word may come later.
   *
   * @returns false when something was refused (nothing is noted), so that it must be done again
   */
  tryFile(fd: number, { mode, uid, gid, mtime, mtimeNs }: Metadata): boolean {
    if (uid === NO_ID || gid === NO_ID || this.#mayClamp(mtime, mtimeNs)) return false;
    return (
      this.#owners.get(`${uid}:${gid}`) !== 0 &&
      this.#libc.fchown(fd, uid, gid) === 0 &&
      this.#libc.fchmod(fd, mode) === 0 &&
      this.#libc.futimens(fd, mtime, mtimeNs) === 0
    );
  }

  /** Sets everything on an open file or directory. `mode` stands for the metadata's where that must wait. */
  applyToFd(
    fd: number,
    metadata: Metadata,
    path: ByteString,
    kind: 'file' | 'directory',
    mode: number = metadata.mode,
  ): void {
    const owned = this.#chown(metadata, path, (uid, gid) => this.#libc.fchown(fd, uid, gid));
    for (const [name, value] of metadata.xattrs) {
      this.#noteXattr(this.#libc.fsetxattr(fd, name, value), name, value, path);
    }
    const allowed = kind === 'file' ? this.#withoutSetId(mode, owned, path) : mode;
    this.#note(this.#libc.fchmod(fd, allowed), 'fchmod', 'mode', path);
    this.#noteTime(this.#libc.futimens(fd, metadata.mtime, metadata.mtimeNs), metadata, path, fd);
  }

  /** Sets everything but the mode (Linux has none) on a symbolic link. */
  applyToSymlink(directory: number, name: ByteString, metadata: Metadata, path: ByteString): void {
    this.#applyByName(directory, name, metadata, path);
    this.#utimesByName(directory, name, metadata, path);
  }

  /** Sets everything on a device, FIFO or socket, which must not be opened. */
  applyToNode(directory: number, name: ByteString, metadata: Metadata, path: ByteString): void {
    const owned = this.#applyByName(directory, name, metadata, path);
    const fd = check(this.#libc.openat(directory, name, OPEN_PATH, 0), 'openat', path);
    try {
      // fchmod(2) refuses such a descriptor; its name under /proc leads to this inode and no other.
      const mode = this.#withoutSetId(metadata.mode, owned, path);
      const result = this.#libc.fchmodat(AT_FDCWD, `/proc/self/fd/${fd}`, mode);
      if (result === -constants.errno.ENOENT) this.#shortfall.add('mode', path);
      else this.#note(result, 'fchmodat', 'mode', path);
    } finally {
      this.#libc.close(fd);
    }
    this.#utimesByName(directory, name, metadata, path);
  }

  /** Sets a mode that had to wait. */
  chmod(fd: number, mode: number, path: ByteString): void {
    this.#note(this.#libc.fchmod(fd, mode), 'fchmod', 'mode', path);
  }

  #applyByName(directory: number, name: ByteString, metadata: Metadata, path: ByteString): number {
    const owned = this.#chown(metadata, path, (uid, gid) =>
      this.#libc.fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW),
    );
    for (const [xattr, value] of metadata.xattrs) {
      const result = this.#libc.lsetxattr(`/proc/self/fd/${directory}/${name}`, xattr, value);
      if (result === -constants.errno.ENOENT) this.#shortfall.add(xattrKind(xattr), path);
      else this.#noteXattr(result, xattr, value, path);
    }
    return owned;
  }

  #utimesByName(directory: number, name: ByteString, metadata: Metadata, path: ByteString): void {
    const { mtime, mtimeNs } = metadata;
    this.#noteTime(
      this.#libc.utimensat(directory, name, mtime, mtimeNs, AT_SYMLINK_NOFOLLOW),
      metadata,
      path,
      () => this.#libc.openat(directory, name, OPEN_PATH, 0),
    );
  }

  /** Gives the ids that the inode has now: a bit each for uid and gid. */
  #chown({ uid, gid }: Metadata, path: ByteString, chown: (uid: number, gid: number) => number): number {
    const key = `${uid}:${gid}`;
    let owned = this.#owners.get(key);
    if (owned === undefined) {
      owned = 0;
      if (uid !== NO_ID && gid !== NO_ID) {
        const result = chown(uid, gid);
        if (result === 0) owned = BOTH;
        else if (!isRefusal(result)) throw ioError(systemError(result, 'fchown'), path);
      }
      if (owned === 0) {
        if (uid === this.#uid) owned |= UID_ONLY;
        if (gid !== NO_ID && chown(NO_ID, gid) === 0) owned |= GID_ONLY;
      }
      // Both, one after the other, is no less than both at once.
      this.#owners.set(key, owned);
    } else if (owned === BOTH || (owned & GID_ONLY) !== 0) {
      check(chown(owned === BOTH ? uid : NO_ID, gid), 'fchown', path);
    }
    if (owned !== BOTH) this.#shortfall.add('owner', path);
    return owned;
  }

  /** A setuid program must not come to belong to whoever happens to convert an image. */
  #withoutSetId(mode: number, owned: number, path: ByteString): number {
    let allowed = mode;
    if ((owned & UID_ONLY) === 0) allowed &= ~0o4000;
    if ((owned & GID_ONLY) === 0) allowed &= ~0o2000;
    if (allowed !== mode) this.#shortfall.add('set-id', path);
    return allowed;
  }

  #note(result: number, call: string, kind: ShortfallKind, path: ByteString): void {
    if (result >= 0) return;
    if (!isRefusal(result)) throw ioError(systemError(result, call), path);
    this.#shortfall.add(kind, path);
  }

  #noteXattr(result: number, name: ByteString, value: Uint8Array, path: ByteString): void {
    if (result >= 0) return;
    const tooBig =
      result === -E2BIG ||
      result === -ERANGE ||
      result === -ENAMETOOLONG ||
      (result === -ENOSPC && name.length + value.length > XATTR_ROOM);
    if (tooBig) this.#shortfall.add(xattrKind(name), path);
    else this.#note(result, 'setxattr', xattrKind(name), path);
  }

  #mayClamp(mtime: number, mtimeNs: number): boolean {
    return mtime <= MIN_TIME || mtime >= MAX_TIME || (this.#isCoarse && mtimeNs !== 0);
  }

  #noteTime(result: number, metadata: Metadata, path: ByteString, file: number | (() => number)): void {
    this.#note(result, 'utimensat', 'time', path);
    const { mtime, mtimeNs } = metadata;
    if (result < 0 || !this.#mayClamp(mtime, mtimeNs)) return;
    const fd = typeof file === 'number' ? file : check(file(), 'openat', path);
    try {
      const kept = fstatSync(fd, { bigint: true }).mtimeNs;
      if (kept !== BigInt(mtime) * 1_000_000_000n + BigInt(mtimeNs)) this.#shortfall.add('time', path);
    } finally {
      if (typeof file !== 'number') this.#libc.close(fd);
    }
  }
}

function xattrKind(name: ByteString): ShortfallKind {
  const dot = name.indexOf('.');
  return `xattr ${displayPath(dot < 0 ? name : name.slice(0, dot))}`;
}
