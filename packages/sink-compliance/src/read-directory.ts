import { createHash } from 'node:crypto';
import { type BigIntStats, createReadStream } from 'node:fs';
import { chmod, lstat, readdir, readlink } from 'node:fs/promises';
import { type ByteString, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import type { InodeType } from './capabilities.ts';
import type { ReadEntry, ReadTree } from './read-tree.ts';

/** What {@link readDirectory} can be given. */
export interface ReadDirectoryOptions {
  /** Reads the xattrs of one path, not following links; Node itself cannot. @defaultValue none are read */
  readonly xattrs?: (path: Buffer) => Xattrs | Promise<Xattrs>;
}

/**
 * Reads a directory (an output, or a mounted image) as the facts that the suite compares. Files and directories
 * that their owner may not read are made readable while they are read.
 *
 * @param root - the directory
 * @param options - how to read xattrs
 * @returns the tree
 */
export async function readDirectory(root: string, options: ReadDirectoryOptions = {}): Promise<ReadTree> {
  const result = new Map<ByteString, ReadEntry>();
  const pending: ByteString[] = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
    const stats = await lstat(full, { bigint: true });
    const type = inodeType(stats);
    result.set(path, {
      type,
      mode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      ...splitTime(stats.mtimeNs),
      inode: `${stats.dev}:${stats.ino}`,
      links: Number(stats.nlink),
      xattrs: (await options.xattrs?.(full)) ?? NO_XATTRS,
      ...(type === 'file'
        ? { size: Number(stats.size), sha256: await readable(full, stats, () => hashFile(full)) }
        : {}),
      ...(type === 'symlink' ? { target: (await readlink(full, 'buffer')).toString('latin1') } : {}),
      ...(type === 'character-device' || type === 'block-device' ? deviceNumbers(stats.rdev) : {}),
    });
    if (type !== 'directory') continue;
    const prefix = path === '' ? '' : `${path}/`;
    for (const name of await readdir(full, { encoding: 'buffer' }))
      pending.push(prefix + name.toString('latin1'));
  }
  return result;
}

/** Reads what its owner may not read by making it readable for the moment; root needs no such help. */
async function readable<T>(path: Buffer, stats: BigIntStats, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
  const mode = Number(stats.mode & 0o7777n);
  await chmod(path, mode | 0o700);
  try {
    return await read();
  } finally {
    await chmod(path, mode);
  }
}

function inodeType(stats: BigIntStats): InodeType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return stats.isFIFO() ? 'fifo' : 'socket';
}

function splitTime(nanoseconds: bigint): { mtime: number; mtimeNs: number } {
  const mtimeNs = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { mtime: Number((nanoseconds - mtimeNs) / 1_000_000_000n), mtimeNs: Number(mtimeNs) };
}

/** Splits a Linux `dev_t` as glibc's `major()` and `minor()` do. */
function deviceNumbers(device: bigint): { devMajor: number; devMinor: number } {
  return {
    devMajor: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    devMinor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

async function hashFile(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
