import { closeSync, openSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { loadLibc } from './libc.ts';
import { syncFilesystem } from './sync-filesystem.ts';

it('brings a filesystem to the disk, and says when it could not', async () => {
  const libc = await loadLibc();
  const directory = openSync(tmpdir(), 'r');
  await syncFilesystem(libc, directory);
  closeSync(directory);
  await expect(syncFilesystem(libc, 1_000_000)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_IO',
    cause: { code: 'EBADF', syscall: 'syncfs' },
  });
  const failing = { ...libc, syncfs: () => Promise.resolve(-constants.errno.EIO) };
  await expect(syncFilesystem(failing, 0)).rejects.toMatchObject({ cause: { code: 'EIO' } });
});
