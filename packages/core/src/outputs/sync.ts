import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Errors of filesystems that know no fsync of a directory, and of directories that may be written but not read. */
const NO_DIRECTORY_SYNC: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EBADF', 'EACCES']);

/**
 * Brings a file to the disk.
 *
 * @param path - the file
 * @throws system errors
 */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Brings the names in a directory to the disk, where the filesystem can do that.
 *
 * @param path - the directory
 * @throws system errors, above all EIO
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await syncFile(path);
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

/**
 * Brings a directory and everything below it to the disk, one after the other: for sinks that have not done it.
 *
 * @param top - the directory
 * @throws system errors
 */
export async function syncTree(top: string): Promise<void> {
  const pending = [top];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = await lstat(path);
    if (stats.isDirectory()) {
      for (const name of await readdir(path)) pending.push(join(path, name));
      await syncDirectory(path);
    } else if (stats.isFile()) await syncFile(path);
  }
}
