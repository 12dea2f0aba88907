import { OcirenderError, throwIfAborted } from '@ocirender/interface';
import { SpoolFile } from './spool-file.ts';

/** Bytes a read. */
const CHUNK = 512 * 1024;

/**
 * Bytes that arrive once and are read any number of times, also while they still arrive. They are kept in a temporary
 * file without a name; memory holds one chunk of the writer's and one of each reader's.
 */
export class SpooledBlob {
  readonly #directory: string | undefined;
  #spool: SpoolFile | undefined;
  #state: 'filling' | 'complete' | 'failed' = 'filling';
  #error: unknown;
  #closed = false;
  #started = false;
  #waiting = 0;
  #wake: (() => void)[] = [];

  /**
   * @param directory - for the temporary file
   */
  constructor(directory?: string) {
    this.#directory = directory;
  }

  /** Bytes that are there. */
  get arrived(): number {
    return this.#spool?.size ?? 0;
  }

  /** Whether all bytes are there. */
  get complete(): boolean {
    return this.#state === 'complete';
  }

  /** Whether bytes are on their way. */
  get arriving(): boolean {
    return this.#started && this.#state === 'filling';
  }

  /** Whether a reader waits for more. */
  get awaited(): boolean {
    return this.#waiting > 0;
  }

  /** Why it has failed; undefined while it has not. */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Takes all bytes of a source, as fast as the disk does. Called once.
   *
   * @param source - is expected to check what it yields; its error becomes that of every reader
   * @param onBytes - is told how many bytes are there
   * @returns whether all bytes came; never rejects
   */
  async fill(source: AsyncIterable<Uint8Array>, onBytes?: (bytes: number) => void): Promise<boolean> {
    this.#started = true;
    try {
      for await (const chunk of source) {
        if (this.#state !== 'filling') return false;
        this.#spool ??= await SpoolFile.create(this.#directory);
        await this.#spool.write(chunk);
        onBytes?.(this.#spool.size);
        this.#notify();
      }
      if (this.#state === 'filling') this.#state = 'complete';
      this.#notify();
    } catch (error) {
      this.fail(error);
    } finally {
      // Closed while it was being filled.
      if (this.#closed) await this.#spool?.close();
    }
    return this.#state === 'complete';
  }

  /**
   * Ends it with an error, unless it is complete.
   *
   * @param error - what every reader throws
   */
  fail(error: unknown): void {
    if (this.#state !== 'filling') return;
    this.#state = 'failed';
    this.#error = error;
    this.#notify();
  }

  /**
   * Reads from the first byte, waiting for those that are still to come. Each chunk is an array of its own.
   *
   * @param signal - ends the waiting
   * @throws what the source has thrown
   */
  async *read(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let at = 0; ; ) {
      throwIfAborted(signal);
      const there = this.arrived - at;
      if (there > 0 && this.#state !== 'failed') {
        const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, there));
        const read = await this.#spool!.read(buffer, at);
        at += read;
        yield buffer.subarray(0, read);
      } else if (this.#state === 'failed') throw this.#error;
      else if (this.#closed) throw closedError();
      else if (this.#state === 'complete') return;
      else await this.#news(signal);
    }
  }

  /** Gives the room back; whoever still reads gets an error. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    this.fail(closedError());
    await this.#spool?.close();
  }

  #news(signal: AbortSignal | undefined): Promise<void> {
    this.#waiting++;
    return new Promise((resolve) => {
      let over = false;
      const done = (): void => {
        if (over) return;
        over = true;
        this.#waiting--;
        signal?.removeEventListener('abort', done);
        resolve();
      };
      signal?.addEventListener('abort', done, { once: true });
      this.#wake.push(done);
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

function closedError(): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', 'the image has been closed');
}
