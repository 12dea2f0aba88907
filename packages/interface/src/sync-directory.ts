import { open } from 'node:fs/promises';

/** Errors of filesystems that know no fsync of a directory, and of directories that may be written but not read. */
const NO_DIRECTORY_SYNC: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EBADF', 'EACCES']);

/**
 * Brings the names in a directory to the disk: without that, a power cut can take a file away that has just been renamed.
 * Filesystems that cannot do it, and directories that may not be read, are left as they are.
 *
 * @param path - the directory
 * @throws system errors, above all EIO
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
