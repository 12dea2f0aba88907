import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { OcirenderError } from '@ocirender/interface';

/**
 * Writes bytes to standard output as fast as its reader takes them. A reader that has seen enough and goes away
 * (`| head`) is no failure.
 *
 * @param chunks - valid until the next is asked for
 * @param stream - where to; its errors are listened to meanwhile
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when the stream cannot be written
 */
export async function printBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  stream: Writable = process.stdout,
): Promise<void> {
  let failure: NodeJS.ErrnoException | undefined;
  const onError = (error: NodeJS.ErrnoException): void => {
    failure ??= error;
  };
  stream.on('error', onError);
  try {
    for await (const chunk of chunks) {
      // The chunk is written over when the next is asked for.
      await new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
      if (failure !== undefined) break;
    }
    // A stream tells of a failed write a little after its callback.
    await setImmediate();
  } finally {
    stream.off('error', onError);
  }
  if (failure === undefined || failure.code === 'EPIPE') return;
  throw new OcirenderError('ERR_OCIRENDER_IO', `cannot write to standard output: ${failure.message}`, {
    cause: failure,
  });
}
