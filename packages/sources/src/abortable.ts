import { abortedError, throwIfAborted } from '@ocirender/interface';

/**
 * Passes on what a source yields until a signal is aborted, also when the source then hangs: it is told to end, but not
 * waited for.
 *
 * @param source - any iterable; a Node stream is destroyed
 * @param signal - ends it
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED`, or the signal's reason when that is one of our errors
 */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!ended) endSource(source, iterator);
  }
}

/**
 * Tells a source that nothing more is wanted of it, without waiting.
 *
 * @param source - any iterable
 */
export function discardSource(source: AsyncIterable<unknown>): void {
  endSource(source, source[Symbol.asyncIterator]());
}

function endSource(source: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): void {
  const { destroy } = source as { destroy?: unknown };
  if (typeof destroy === 'function') {
    // Whatever a stream still has to say does not matter any more; without a listener it would end the process.
    const stream = source as unknown as { on(event: 'error', listener: () => void): void; destroy(): void };
    stream.on('error', () => undefined);
    stream.destroy();
  }
  iterator.return?.().catch(() => undefined);
}

async function unlessAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  // Its failure, after an abort, is nobody's.
  pending.catch(() => undefined);
  throwIfAborted(signal);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(abortedError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([pending, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
