import { abortedError, throwIfAborted } from '@ocirender/interface';

/** Longest piece that {@link ByteInput.next} gives, so that limits are looked at often enough. */
const MAX_PIECE = 1024 * 1024;

/**
 * The compressed bytes: a source with bytes put back in front, a count, and a prompt abort.
 *
 * A chunk of the source is in use until the next call of `next`, never longer.
 */
export class ByteInput {
  /** Bytes given out so far, less those put back: the offset in the stream of the next byte. */
  offset = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #pieces: Uint8Array[] = [];
  #pending = false;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    this.#source = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /**
   * Gives the next bytes.
   *
   * @returns 1 byte to 1 MiB; undefined at the end
   */
  async next(): Promise<Uint8Array | undefined> {
    const front = this.#pieces.pop() ?? (await this.#pull());
    if (front === undefined) return undefined;
    if (front.length > MAX_PIECE) this.#pieces.push(front.subarray(MAX_PIECE));
    const piece = front.length > MAX_PIECE ? front.subarray(0, MAX_PIECE) : front;
    this.offset += piece.length;
    return piece;
  }

  /**
   * Puts bytes back in front of what is still to come.
   *
   * @param bytes - the last bytes that were given out
   */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.offset -= bytes.length;
  }

  /**
   * Gives a copy of the next bytes without taking them.
   *
   * @param length - bytes wanted
   * @returns as many, fewer only at the end of the input
   */
  async peek(length: number): Promise<Uint8Array> {
    const head = await this.take(length);
    this.unread(head);
    return head.slice(0, length);
  }

  /**
   * Takes bytes off the input, in a copy.
   *
   * @param length - bytes wanted
   * @returns as many, fewer only at the end of the input
   */
  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = await this.next();
      if (piece === undefined) break;
      const part = piece.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.unread(piece.subarray(part.length));
    }
    return bytes.subarray(0, filled);
  }

  /** Reads to the end and drops everything; what the source throws passes through. */
  async drain(): Promise<void> {
    while ((await this.next()) !== undefined);
  }

  /** Closes the source; waits for that unless the source is busy with a read that may never come back. */
  async close(): Promise<void> {
    this.#pieces.length = 0;
    if (this.#ended) return;
    this.#ended = true;
    const closing = Promise.resolve(this.#source.return?.()).then(noop, noop);
    if (!this.#pending && this.#signal?.aborted !== true) await closing;
  }

  async #pull(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      throwIfAborted(this.#signal);
      const result = await this.#read();
      if (result.done === true) this.#ended = true;
      else if (result.value.length > 0) return result.value;
    }
    return undefined;
  }

  async #read(): Promise<IteratorResult<Uint8Array>> {
    this.#pending = true;
    const reading = this.#source.next().then(
      (result) => {
        this.#pending = false;
        return result;
      },
      (error: unknown) => {
        this.#pending = false;
        this.#ended = true;
        throw error;
      },
    );
    const signal = this.#signal;
    if (signal === undefined) return await reading;
    return await new Promise((resolve, reject) => {
      const abort = (): void => reject(abortedError(signal.reason));
      signal.addEventListener('abort', abort, { once: true });
      reading.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }
}

function noop(): void {}
