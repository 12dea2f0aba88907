import { open } from 'node:fs/promises';

/**
 * Brings the names in a directory to the disk: without that, a power cut can take a file away that has just been renamed.
 * Filesystems that cannot do it, and directories that may not be read, are left as they are.
 *
 * @param directory - whose names
 * @throws system errors, above all EIO
 */
export async function syncNames(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    if (!['EINVAL', 'ENOTSUP', 'EBADF', 'EACCES'].includes(code)) throw error;
  }
}
