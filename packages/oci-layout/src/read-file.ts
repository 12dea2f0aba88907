import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { OcirenderError, throwIfAborted } from '@ocirender/interface';

/** Bytes a read: larger ones measured no faster, smaller ones cost more event-loop turns. */
const CHUNK = 512 * 1024;

/** Turns a system error into ours: what is not there is not found, anything else failed to be read. */
export function readError(error: unknown, path: string, what: string): OcirenderError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${what} is missing: there is no ${path}`, {
      cause: error,
    });
  }
  return new OcirenderError(
    'ERR_OCIRENDER_IO',
    `${what} cannot be read: ${path}: ${(error as Error).message}`,
    {
      cause: error,
    },
  );
}

/** Opens a regular file; anything else (a FIFO would block for ever) is refused. */
export async function openRegular(path: string, what: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw readError(error, path, what);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile())
      throw new OcirenderError('ERR_OCIRENDER_IO', `${what} is not a regular file: ${path}`);
    return { handle, size: stats.size };
  } catch (error) {
    await handle.close();
    throw error instanceof OcirenderError ? error : readError(error, path, what);
  }
}

/**
 * Reads an open file to its end and closes it, also when the consumer stops early. The next chunk is being
 * read while the consumer works on this one. Each chunk is memory of its own: inflaters keep what they are
 * given until they get round to it.
 */
export async function* readChunks(
  handle: FileHandle,
  path: string,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  const next = (): Promise<Buffer | Error> =>
    handle.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK, offset).then(
      ({ bytesRead, buffer }) => buffer.subarray(0, bytesRead),
      (error: Error) => error,
    );
  let pending = next();
  try {
    while (true) {
      throwIfAborted(signal);
      const chunk = await pending;
      throwIfAborted(signal);
      if (chunk instanceof Error) throw readError(chunk, path, what);
      if (chunk.length === 0) return;
      offset += chunk.length;
      pending = next();
      yield chunk;
    }
  } finally {
    await pending;
    await handle.close();
  }
}
