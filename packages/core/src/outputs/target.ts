import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ioError } from '../io-error.ts';

/** What is at the place of an output. */
export type Target =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file' | 'symbolic link' }
  | {
      readonly kind: 'directory';
      /** What is in it, but for an empty `lost+found`. */
      readonly names: readonly string[];
      readonly stats: Stats;
    }
  | { readonly kind: 'block device' | 'character device' | 'FIFO' | 'socket' }
  /** A name of one of this process's own open files, such as `/dev/stdout`. */
  | { readonly kind: 'open file' };

/** A directory that is in every fresh ext4. */
export const LOST_AND_FOUND = 'lost+found';

/** Symbolic links that are followed one by one, as the kernel does. */
const MAX_LINKS = 40;

/**
 * Looks at the place of an output.
 *
 * @param path - the output
 * @returns what is there; a symbolic link counts as the device, FIFO, socket or open file that it leads to, since whoever names
 * it means that
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be looked at
 */
export async function targetAt(path: string): Promise<Target> {
  try {
    const stats = await lstat(path);
    if (stats.isFile()) return { kind: 'file' };
    if (stats.isDirectory()) return { kind: 'directory', names: await contentsOf(path), stats };
    if (!stats.isSymbolicLink()) return { kind: specialKind(stats) };
    if (await leadsThroughProc(path)) return { kind: 'open file' };
    const end = await stat(path).catch(() => undefined);
    const isPlain = end === undefined || end.isFile() || end.isDirectory();
    return { kind: isPlain ? 'symbolic link' : specialKind(end) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'nothing' };
    throw ioError(error, 'cannot look at the output');
  }
}

function specialKind(stats: Stats): 'block device' | 'character device' | 'FIFO' | 'socket' {
  if (stats.isBlockDevice()) return 'block device';
  if (stats.isCharacterDevice()) return 'character device';
  return stats.isFIFO() ? 'FIFO' : 'socket';
}

async function contentsOf(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  if (!names.includes(LOST_AND_FOUND)) return names;
  const isEmpty = await readdir(join(directory, LOST_AND_FOUND)).then(
    (found) => found.length === 0,
    () => false,
  );
  return isEmpty ? names.filter((name) => name !== LOST_AND_FOUND) : names;
}

async function leadsThroughProc(path: string): Promise<boolean> {
  let next = path;
  for (let count = 0; count < MAX_LINKS; count++) {
    const directory = await realpath(dirname(next)).catch(() => undefined);
    if (directory === undefined) return false;
    if (directory.startsWith('/proc/')) return true;
    const link = await readlink(next).catch(() => undefined);
    if (link === undefined) return false;
    next = resolve(directory, link);
  }
  return false;
}
