import type { Libc } from './libc.ts';
import { ioError, systemError } from './system-error.ts';

/**
 * Brings the filesystem that a directory is on to the disk: one call instead of one for each file. It takes others' data along.
 *
 * @param libc - the calls
 * @param directory - a descriptor
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when something could not be written
 */
export async function syncFilesystem(libc: Libc, directory: number): Promise<void> {
  const result = await libc.syncfs(directory);
  if (result < 0) throw ioError(systemError(result, 'syncfs'), '');
}
