import {
  type DiagnosticHandler,
  defineReader,
  ImageReader,
  type OpenReaderOptions,
  type Reader,
} from '@ocirender/interface';
import { ArchiveFile, readError } from './archive-file.ts';
import { DEFAULT_ARCHIVE_LIMITS, type TarArchiveLimits } from './limits.ts';
import { scanArchive } from './scan-archive.ts';
import { TarSource } from './tar-source.ts';

/** How a tar is opened. */
export interface OpenTarOptions extends OpenReaderOptions {
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<TarArchiveLimits>;
  /**
   * Hash each file's contents while the archive is read for its tree ({@link ImageNode.sha256}).
   *
   * @defaultValue true for compressed archives, which have to be decompressed anyway; false for plain ones
   */
  readonly digests?: boolean;
  /** Takes what was repaired or left out. */
  readonly diagnose?: DiagnosticHandler;
}

/** Reads tar archives of root file systems. */
export const tarReader: Reader = defineReader({
  name: 'tar',
  summary: 'Reads a tar archive of a root file system, plain or compressed with gzip, zstd, bzip2 or xz.',
  magic: [
    { offset: 257, bytes: '7573746172' },
    { offset: 0, bytes: '1f8b' },
    { offset: 0, bytes: '28b52ffd' },
    { offset: 0, bytes: '425a68' },
    { offset: 0, bytes: 'fd377a585a00' },
  ],
  open: openTarSource,
});

/**
 * Opens a tar archive of a root file system (`docker export`, GNU tar, bsdtar, our own) of any dialect, plain or
 * compressed. It is read once, from end to end, and must not change until it is closed.
 *
 * @param path - a regular file
 * @param options - limits and choices
 * @returns the tree that it extracts to
 * @throws {FormatError} when it is no tar, or damaged
 * @throws {LimitError} when a limit is met
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read, `ERR_OCIRENDER_PATH_ESCAPE`,
 * `ERR_OCIRENDER_CONFLICT`, `ERR_OCIRENDER_SYMLINK_LOOP` or `ERR_OCIRENDER_INVALID_HARDLINK` for a member that no
 * tool could extract
 */
export async function openTar(path: string, options: OpenTarOptions = {}): Promise<ImageReader> {
  return new ImageReader(await openTarSource(path, options));
}

async function openTarSource(path: string, options: OpenTarOptions = {}): Promise<TarSource> {
  const limits = { ...DEFAULT_ARCHIVE_LIMITS, ...options.limits };
  const file = await ArchiveFile.open(path, limits);
  try {
    const scanned = await scanArchive(file, {
      limits,
      digests: options.digests ?? !file.isPlain,
      signal: options.signal,
      diagnose: options.diagnose,
    });
    return new TarSource(file, scanned, limits);
  } catch (error) {
    await file.close();
    throw readError(error, path);
  }
}
