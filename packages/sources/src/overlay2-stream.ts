import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import {
  type ByteString,
  displayPath,
  isOcirenderError,
  OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';
import type { DiffEntry } from './overlay2-diff.ts';

const CHUNK = 512 * 1024;
/** Header, content and padding of files up to this size are gathered in one chunk. */
const SMALL = CHUNK / 2;

/**
 * Writes entries and the contents of files as a tar, a chunk at a time, as it is asked for.
 *
 * @param entries - what to write
 * @param signal - stops it
 * @returns chunks, each an array of its own
 * @throws {OcirenderError} `ERR_OCIRENDER_IO`, also for a file that changes while it is read
 */
export async function* tarOfEntries(
  entries: Iterable<DiffEntry>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let chunk = Buffer.alloc(CHUNK);
  let fill = 0;
  const take = (): Uint8Array => {
    const full = chunk.subarray(0, fill);
    chunk = Buffer.alloc(CHUNK);
    fill = 0;
    return full;
  };
  for (const { entry, path } of entries) {
    throwIfAborted(signal);
    const header = encodeTarHeader(entry);
    const size = path === undefined ? 0 : entry.size;
    const gathered = header.length + (size <= SMALL ? size + tarPadding(size) : 0);
    if (fill > 0 && fill + gathered > CHUNK) yield take();
    if (gathered > CHUNK) {
      yield header.slice();
    } else {
      chunk.set(header, fill);
      fill += header.length;
    }
    if (path === undefined) continue;
    const fd = openContent(path, size);
    try {
      if (size <= SMALL && gathered <= CHUNK) {
        readFully(fd, chunk, fill, size, 0, path);
        fill += size + tarPadding(size);
        continue;
      }
      if (fill > 0) yield take();
      for (let at = 0; at < size; ) {
        throwIfAborted(signal);
        const step = Math.min(CHUNK, size - at);
        const piece = Buffer.allocUnsafeSlow(step);
        readFully(fd, piece, 0, step, at, path);
        at += step;
        yield piece;
      }
      fill += tarPadding(size);
    } finally {
      closeSync(fd);
    }
  }
  if (fill > 0) yield take();
  yield END_OF_ARCHIVE.slice();
}

function openContent(path: ByteString, size: number): number {
  let fd: number;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    fd = openSync(Buffer.from(path, 'latin1'), flags);
  } catch (error) {
    throw readError(error, path);
  }
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.size === size) return fd;
  closeSync(fd);
  throw changed(path);
}

function readFully(
  fd: number,
  into: Buffer,
  start: number,
  size: number,
  position: number,
  path: ByteString,
): void {
  for (let done = 0; done < size; ) {
    let read: number;
    try {
      read = readSync(fd, into, start + done, size - done, position + done);
    } catch (error) {
      throw readError(error, path);
    }
    if (read === 0) throw changed(path);
    done += read;
  }
}

function changed(path: ByteString): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_IO', `${displayPath(path)} was changed while it was being read`, {
    hint: 'Stop the container that uses the directory.',
  });
}

function readError(error: unknown, path: ByteString): unknown {
  if (isOcirenderError(error)) return error;
  const { message } = error as Error;
  return new OcirenderError('ERR_OCIRENDER_IO', `${displayPath(path)} cannot be read: ${message}`, {
    cause: error,
  });
}
