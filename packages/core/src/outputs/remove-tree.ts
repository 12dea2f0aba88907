import { chmod, lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths are kept below this, well under the system's 4096 bytes. */
const LONG_PATH = 2000;

/**
 * Removes a directory tree or file whatever is in it: directories that their owner may not enter, and paths longer
 * than the system takes. Symbolic links are removed, never followed.
 *
 * @param path - what to remove; nothing there is fine
 * @throws system errors that no measure helps against
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENAMETOOLONG' && code !== 'ENOTEMPTY') throw error;
    await removeStubborn(path);
  }
}

async function removeStubborn(top: string): Promise<void> {
  const pending = [top];
  let moved = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (path.length > LONG_PATH) {
      // What lies too deep is brought up beside the top and removed from there.
      const shorter = `${top}.deep${moved++}`;
      await rename(path, shorter);
      pending.push(shorter);
      continue;
    }
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined) continue;
    if (!stat.isDirectory()) {
      await rm(path, { force: true });
      continue;
    }
    await chmod(path, 0o700);
    const names = await readdir(path);
    if (names.length === 0) {
      await rm(path, { recursive: true, force: true });
      continue;
    }
    // Once more when its children are gone.
    pending.push(path, ...names.map((name) => join(path, name)));
  }
}
