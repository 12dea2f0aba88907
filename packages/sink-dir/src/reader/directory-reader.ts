import type { OpenReaderOptions } from '@ocirender/interface';
import { defineReader, ImageReader, type Reader, throwIfAborted } from '@ocirender/interface';
import { DirSource } from './dir-source.ts';
import { loadXattrReader } from './xattr-reader.ts';

/** Reads directory trees. A directory has no magic: it is told by being one. */
export const directoryReader: Reader = defineReader({
  name: 'dir',
  summary: 'Reads a directory with owners, devices, hard links and extended attributes, following no links.',
  magic: [],
  open: openDirectorySource,
});

/**
 * Opens a directory tree. Nothing is read yet; what changes meanwhile is seen as it is when it is met.
 *
 * @param path - a directory, or a symbolic link to one; file systems mounted in it are part of it
 * @param options - a signal
 * @returns the tree; `source.facts.xattrs` is false where extended attributes cannot be read (no binary of koffi)
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when there is no such directory
 */
export async function openDirectory(path: string, options: OpenReaderOptions = {}): Promise<ImageReader> {
  return new ImageReader(await openDirectorySource(path, options));
}

async function openDirectorySource(path: string, options: OpenReaderOptions = {}): Promise<DirSource> {
  throwIfAborted(options.signal);
  return new DirSource(path, await loadXattrReader());
}
