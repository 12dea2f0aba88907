import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decompress, detectCompression } from '@ocirender/decompress';
import {
  FormatError,
  isOcirenderError,
  LimitError,
  OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import type { FileTree } from '@ocirender/oci-layout';
import { ArchiveIndex } from './archive-index.ts';
import { ArchiveTree } from './archive-tree.ts';
import { type ByteRanges, rangeChunks } from './byte-ranges.ts';
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from './limits.ts';
import { SpoolFile } from './spool-file.ts';

/** How an archive is opened. */
export interface OpenArchiveOptions {
  readonly signal?: AbortSignal;
  /** Directory for the temporary file of a compressed archive. @defaultValue the system's */
  readonly spool?: string;
  readonly limits?: Partial<ArchiveLimits>;
}

/** An archive whose files can be read. */
export interface OpenArchive {
  readonly files: FileTree;
  /** Gives back what is held: the temporary file of a compressed archive. May be called twice. */
  close(): Promise<void>;
}

/** Bytes that are read at once where only headers are wanted. */
const WINDOW = 64 * 1024;
/** Enough to tell every compression. */
const HEAD = 512;

/**
 * Opens a tar archive in place. Of a plain tar only the headers are read now, and files where they lie later on; a
 * compressed one is decompressed once, into a temporary file that has no name.
 *
 * @param path - of the archive
 * @param options - signal, directory for temporary files, limits
 * @returns its files
 * @throws {FormatError} when it is no tar, or ends early
 * @throws {LimitError} when it has too many members
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_IO`
 */
export async function openArchiveFile(path: string, options: OpenArchiveOptions = {}): Promise<OpenArchive> {
  const { ranges, size, identity } = await openPath(path);
  try {
    const head = Buffer.alloc(HEAD);
    const read = await ranges.read(head, 0);
    const compression = detectCompression(head.subarray(0, read));
    if (compression !== undefined && compression !== 'none') {
      // Closes the file.
      return await openArchiveStream(rangeChunks(ranges, 0, size, path, options.signal), path, options);
    }
    const index = await indexFile(ranges, size, path, options);
    const reopen = async (): Promise<ByteRanges> => {
      const again = await openPath(path);
      if (again.identity === identity) return again.ranges;
      await again.ranges.close();
      throw new OcirenderError('ERR_OCIRENDER_IO', `${path} was changed while it was being read`);
    };
    return { files: new ArchiveTree(path, index.members, reopen), close: () => Promise.resolve() };
  } finally {
    await ranges.close();
  }
}

/**
 * Opens a tar archive that comes as a stream, plain or compressed: it is decompressed into a temporary file that has
 * no name, as large as the archive.
 *
 * @param source - the archive's bytes
 * @param label - what the user called it
 * @param options - signal, directory for temporary files, limits
 * @returns its files
 * @throws {OcirenderError} as {@link openArchiveFile}
 */
export async function openArchiveStream(
  source: AsyncIterable<Uint8Array>,
  label: string,
  options: OpenArchiveOptions = {},
): Promise<OpenArchive> {
  const { signal } = options;
  const limits = { ...DEFAULT_ARCHIVE_LIMITS, ...options.limits };
  const index = new ArchiveIndex(limits);
  const spool = await SpoolFile.create(options.spool);
  try {
    const tar = decompress(source, {
      limits: { maxOutputBytes: limits.spoolBytes },
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const chunk of tar) {
      const writing = spool.write(chunk);
      try {
        index.write(chunk);
      } finally {
        await writing;
      }
    }
    index.finish();
  } catch (error) {
    await spool.close();
    throw renamedLimit(notAnArchive(error, label));
  }
  const ranges = async (): Promise<ByteRanges> => {
    const { fd, giveBack } = spool.lend();
    return {
      fd,
      read: (buffer, position) => spool.read(buffer, position),
      close: () => Promise.resolve(giveBack()),
    };
  };
  return {
    files: new ArchiveTree(label, index.members, ranges),
    close: () => spool.close(),
  };
}

async function indexFile(
  ranges: ByteRanges,
  size: number,
  path: string,
  options: OpenArchiveOptions,
): Promise<ArchiveIndex> {
  const index = new ArchiveIndex({ ...DEFAULT_ARCHIVE_LIMITS, ...options.limits });
  const window = Buffer.allocUnsafeSlow(WINDOW);
  try {
    for (;;) {
      throwIfAborted(options.signal);
      index.passOver(Math.min(index.skippable, size - index.offset));
      const read = await ranges.read(window, index.offset);
      if (read === 0) break;
      index.write(window.subarray(0, read));
    }
    index.finish();
  } catch (error) {
    throw notAnArchive(error, path);
  }
  return index;
}

async function openPath(path: string): Promise<{ ranges: ByteRanges; size: number; identity: string }> {
  let handle: FileHandle | undefined;
  try {
    // A FIFO without a writer would block for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) {
      throw new OcirenderError('ERR_OCIRENDER_IO', `${path} is neither a file nor a directory`, {
        hint: 'Give what comes through a pipe on standard input: the image "-".',
      });
    }
    const opened = handle;
    return {
      size: Number(stats.size),
      identity: [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(),
      ranges: {
        fd: opened.fd,
        read: async (buffer, position) => {
          try {
            return (await opened.read(buffer, 0, buffer.length, position)).bytesRead;
          } catch (error) {
            throw readError(error, path);
          }
        },
        close: () => opened.close(),
      },
    };
  } catch (error) {
    await handle?.close();
    throw isOcirenderError(error) ? error : readError(error, path);
  }
}

function readError(error: unknown, path: string): OcirenderError {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `there is no ${path}`, { cause: error })
    : new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be read: ${message}`, { cause: error });
}

/** Says of bytes that do not even begin like a tar what they are not. */
function notAnArchive(error: unknown, label: string): unknown {
  if (!isOcirenderError(error)) return error;
  if (error.code !== 'ERR_OCIRENDER_FORMAT' && error.code !== 'ERR_OCIRENDER_TRUNCATED') return error;
  const offset = (error as FormatError).offset;
  const message =
    offset < HEAD ? `${label} is not a tar archive` : `${label} is a damaged archive: ${error.message}`;
  return new FormatError(message.replace(/ \(at byte \d+\)$/, ''), offset, {
    code: error.code,
    cause: error,
    hint: 'An image archive is a tar, plain or compressed, of an OCI layout or by docker save.',
  });
}

function renamedLimit(error: unknown): unknown {
  if (!(error instanceof LimitError) || error.limit !== 'maxOutputBytes') return error;
  return new LimitError('spoolBytes', error.maximum, 'the archive is larger than is allowed', {
    cause: error,
  });
}
