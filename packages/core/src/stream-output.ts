import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { OcirenderError, Output } from '@ocirender/interface';
import { ioError } from './io-error.ts';

/**
 * Turns a Node stream into a sink's output with back-pressure: each write settles when the stream has taken the bytes.
 */
export class StreamOutput {
  readonly #stream: Writable;
  #failure: unknown;
  readonly #onError = (error: unknown): void => {
    this.#failure = error;
  };

  constructor(stream: Writable) {
    this.#stream = stream;
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
      await finished(this.#stream, { readable: false });
    } catch (error) {
      throw ioError(error, 'cannot write to the output stream');
    }
  }

  /** Stops listening. The stream itself belongs to the caller. */
  release(): void {
    this.#stream.off('error', this.#onError);
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined || this.#stream.destroyed)
      return Promise.reject(this.#broken(this.#failure));
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error == null ? resolve() : reject(this.#broken(error))));
    });
  }

  #broken(error: unknown): OcirenderError {
    return ioError(error ?? new Error('the stream is closed'), 'cannot write to the output stream');
  }
}
