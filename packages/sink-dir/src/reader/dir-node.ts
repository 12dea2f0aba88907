import type { BigIntStats } from 'node:fs';
import { type ByteString, type ImageNode, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import { S_IFMT } from '../format.ts';

const TYPES: ReadonlyMap<number, ImageNode['type']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
  [0o140000, 'socket'],
]);

const BILLION = 1_000_000_000n;

/** An inode of a directory tree, as it was when its name was met. */
export class DirNode implements ImageNode {
  readonly type: ImageNode['type'];
  readonly id: number;
  readonly size: number;
  readonly target: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly xattrs: Xattrs;
  readonly links: number;
  /** One of its paths, below the root: a slash before each component; empty for the root. */
  readonly path: ByteString;

  /**
   * @param path - below the root
   * @param stats - of lstat(2)
   * @param id - of the inode
   * @param target - of a symbolic link
   * @param xattrs - its attributes
   */
  constructor(
    path: ByteString,
    stats: BigIntStats,
    id: number,
    target: ByteString = '',
    xattrs: Xattrs = NO_XATTRS,
  ) {
    const mode = Number(stats.mode);
    this.type = TYPES.get(mode & S_IFMT) ?? 'file';
    this.path = path;
    this.id = id;
    this.size = this.type === 'file' ? Number(stats.size) : target.length;
    this.target = target;
    this.mode = mode & 0o7777;
    this.uid = Number(stats.uid);
    this.gid = Number(stats.gid);
    // Rounded down, also before 1970.
    const seconds = Number(stats.mtimeNs / BILLION);
    const rest = Number(stats.mtimeNs % BILLION);
    this.mtime = rest < 0 ? seconds - 1 : seconds;
    this.mtimeNs = rest < 0 ? rest + 1e9 : rest;
    this.xattrs = xattrs;
    this.links = Number(stats.nlink);
    const isDevice = this.type === 'character-device' || this.type === 'block-device';
    this.devMajor = isDevice ? majorOf(stats.rdev) : 0;
    this.devMinor = isDevice ? minorOf(stats.rdev) : 0;
  }
}

/** glibc's and musl's major(3). */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

/** glibc's and musl's minor(3). */
function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}
