import { close, constants, open } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { throwIfAborted } from '@ocirender/interface';
import { ioError } from '../io-error.ts';

const openFile = promisify(open);
const closeFile = promisify(close);

/** Between two looks for a reader, milliseconds. */
const PATIENCE = 50;

/**
 * Opens a FIFO for writing when somebody reads it. Waiting and writing can be given up at any moment: nothing ever hangs in
 * the system.
 *
 * @param path - of the FIFO
 * @param signal - ends the waiting
 * @returns a stream, which closes the FIFO when it ends or is destroyed
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED`, `ERR_OCIRENDER_IO`
 */
export async function openFifo(path: string, signal: AbortSignal | undefined): Promise<Writable> {
  for (;;) {
    throwIfAborted(signal);
    try {
      const fd = await openFile(path, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        return new Socket({ fd, readable: false, writable: true });
      } catch (error) {
        await closeFile(fd);
        throw error;
      }
    } catch (error) {
      // Nobody reads yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO')
        throw ioError(error, `cannot open the FIFO "${path}"`);
    }
    await wait(PATIENCE, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
