import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { abortedError, type OcirenderError, type Output, throwIfAborted } from '@ocirender/interface';
import { ioError } from '../io-error.ts';

/**
 * Turns a Node stream into a sink's output with back-pressure: each write settles when the stream has taken the bytes.
 */
export class StreamOutput {
  readonly #stream: Writable;
  readonly #signal: AbortSignal | undefined;
  readonly #owned: boolean;
  #failure: unknown;
  readonly #onError = (error: unknown): void => {
    this.#failure = error;
  };

  /**
   * @param stream - where the bytes go
   * @param signal - ends writes that wait for a reader
   * @param owned - whether it was opened for this output, and ends with it
   */
  constructor(stream: Writable, signal: AbortSignal | undefined, owned = false) {
    this.#stream = stream;
    this.#signal = signal;
    this.#owned = owned;
    stream.on('error', this.#onError);
  }

  /** What the sink is given. */
  get output(): Output {
    return { kind: 'stream', write: (bytes) => this.#write(bytes) };
  }

  /** Waits until all bytes are gone; ends the stream, unless it is the process's standard output. */
  async end(): Promise<void> {
    if (this.#stream === process.stdout) return;
    try {
      this.#stream.end();
      const signal = this.#signal;
      await finished(this.#stream, { readable: false, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      throwIfAborted(this.#signal);
      throw ioError(error, 'cannot write to the output stream');
    }
  }

  /** Stops listening. The stream itself belongs to the caller, unless it was opened for this output. */
  release(): void {
    this.#stream.off('error', this.#onError);
    if (this.#owned) this.#stream.on('error', () => {}).destroy();
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined || this.#stream.destroyed)
      return Promise.reject(this.#broken(this.#failure));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(abortedError(this.#signal?.reason));
      this.#signal?.addEventListener('abort', onAbort, { once: true });
      this.#stream.write(bytes, (error) => {
        this.#signal?.removeEventListener('abort', onAbort);
        if (error == null) resolve();
        else reject(this.#broken(error));
      });
    });
  }

  #broken(error: unknown): OcirenderError {
    return ioError(error ?? new Error('the stream is closed'), 'cannot write to the output stream');
  }
}
