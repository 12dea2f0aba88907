import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '@ocirender/interface';

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
