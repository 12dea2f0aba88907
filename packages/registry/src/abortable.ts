import { abortedError, throwIfAborted } from '@ocirender/interface';

/**
 * Waits for something that others wait for too: an abort ends the waiting, not the thing itself.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED`
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  throwIfAborted(signal);
  if (signal === undefined) return promise;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortedError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
