import { type FileHandle, open } from 'node:fs/promises';
import { OcirenderError } from '@ocirender/interface';

/** Where a tar goes. */
export interface Destination {
  /** Takes the next bytes, all of them, before it settles. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends it well: everything is with the operating system. */
  close(): Promise<void>;
  /** Lets go of it after a failure, also while a write is pending; never throws. */
  abandon(): Promise<void>;
}

/**
 * Creates a new file and writes to it.
 *
 * @param path - must not exist
 * @returns the destination
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be created
 */
export async function openFileDestination(path: string): Promise<Destination> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx', 0o666);
  } catch (error) {
    throw ioError(`cannot create ${path}`, error);
  }
  let pending: Promise<void> = Promise.resolve();
  return {
    write: (bytes) => {
      pending = writeAll(handle, bytes, path);
      return pending;
    },
    close: async () => {
      try {
        await handle.close();
      } catch (error) {
        throw ioError(`cannot complete ${path}`, error);
      }
    },
    abandon: async () => {
      // The descriptor must not be closed (and its number reused) under a write.
      await pending.catch(() => undefined);
      await handle.close().catch(() => undefined);
    },
  };
}

/**
 * Writes to a stream of the caller's, who ends it.
 *
 * @param write - waited for before the next call
 * @returns the destination
 */
export function streamDestination(write: (bytes: Uint8Array) => Promise<void>): Destination {
  return { write, close: () => Promise.resolve(), abandon: () => Promise.resolve() };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  } catch (error) {
    throw ioError(`cannot write ${path}`, error);
  }
}

function ioError(what: string, cause: unknown): OcirenderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OcirenderError('ERR_OCIRENDER_IO', `${what}: ${reason}`, { cause });
}
