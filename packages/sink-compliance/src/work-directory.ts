import { chmod, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs something with a temporary directory, which is removed afterwards in any case.
 *
 * @param use - gets the directory's path
 * @returns what `use` gives
 */
export async function withWorkDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'ocirender-sink-'));
  try {
    return await use(directory);
  } finally {
    await removeTree(directory);
  }
}

/** Removes a tree, also one with directories that its owner may not enter. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await unlock(Buffer.from(path));
    await rm(path, { recursive: true, force: true });
  }
}

async function unlock(root: Buffer): Promise<void> {
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { withFileTypes: true, encoding: 'buffer' })) {
      if (entry.isDirectory()) pending.push(Buffer.concat([path, Buffer.from('/'), entry.name]));
    }
  }
}
