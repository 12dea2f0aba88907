import { Worker } from 'node:worker_threads';
import {
  abortedError,
  type ImageSource,
  OcirenderError,
  type TimeRange,
  type WalkedName,
} from '@ocirender/interface';
import type { ComparedImage, DigestBatch, DigestOptions } from './compared-image.ts';
import { unpackNames } from './names-batch.ts';
import { openLocation } from './serve-image.ts';
import { type Answer, type ImageLocation, type Request, unpackError } from './thread-protocol.ts';

/** The thread that reads: a part of `Worker`. */
export interface ReadingThread {
  on(event: 'message', listener: (answer: Answer) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  postMessage(request: Request, transfer?: readonly ArrayBuffer[]): void;
  terminate(): Promise<unknown>;
}

/**
 * An image that a thread of its own opens, walks and hashes, so that both sides of a comparison are read at once. Good for
 * one comparison.
 */
export class ThreadImage implements ComparedImage {
  readonly format: string;
  readonly times: TimeRange;
  readonly #location: ImageLocation;
  readonly #mailbox: Mailbox;
  readonly #thread: ReadingThread;
  #source: Promise<ImageSource> | undefined;

  private constructor(
    location: ImageLocation,
    thread: ReadingThread,
    mailbox: Mailbox,
    opened: Answer & { readonly type: 'opened' },
  ) {
    this.#location = location;
    this.#thread = thread;
    this.#mailbox = mailbox;
    this.format = opened.format;
    this.times = opened.times;
  }

  /**
   * Opens an image in a new thread.
   *
   * @param location - reader and path
   * @param options - ends the thread when aborted, also later
   * @param start - starts the thread
   * @throws {OcirenderError} whatever the reader throws
   */
  static async open(
    location: ImageLocation,
    options: { readonly signal?: AbortSignal } = {},
    start: (location: ImageLocation) => ReadingThread = startThread,
  ): Promise<ThreadImage> {
    const thread = start(location);
    const mailbox = new Mailbox(thread, options.signal);
    try {
      const answer = await mailbox.next();
      if (answer.type === 'opened') return new ThreadImage(location, thread, mailbox, answer);
      throw new Error(`the reading thread began with "${answer.type}"`);
    } catch (error) {
      mailbox.dispose();
      await thread.terminate();
      throw error;
    }
  }

  async *names(): AsyncGenerator<readonly WalkedName[]> {
    for await (const answer of this.#ask({ type: 'names' })) {
      if (answer.type === 'names') yield unpackNames(answer);
    }
  }

  async *digests(ids: Float64Array<ArrayBuffer>, options: DigestOptions = {}): AsyncGenerator<DigestBatch> {
    for await (const answer of this.#ask({ type: 'digests', ids })) {
      if (answer.type === 'bytes') options.onBytes?.(answer.bytes);
      if (answer.type === 'digests') yield answer;
    }
  }

  source(): Promise<ImageSource> {
    // In this thread: few files are read again, and side by side with the other image's.
    this.#source ??= openLocation(this.#location);
    return this.#source;
  }

  async close(): Promise<void> {
    this.#mailbox.dispose();
    await this.#thread.terminate();
    await (await this.#source?.catch(() => undefined))?.close();
  }

  async *#ask(request: Request): AsyncGenerator<Answer> {
    this.#thread.postMessage(request);
    for (
      let answer = await this.#mailbox.next();
      answer.type !== 'done';
      answer = await this.#mailbox.next()
    ) {
      yield answer;
    }
  }
}

function startThread(location: ImageLocation): ReadingThread {
  return new Worker(new URL('./image-worker.js', import.meta.url), { workerData: location });
}

/** Answers that have come and that nobody has taken yet. */
class Mailbox {
  readonly #answers: Answer[] = [];
  #failure: unknown;
  #wake: (() => void) | undefined;
  /** Forgets the signal. */
  readonly dispose: () => void;

  constructor(thread: ReadingThread, signal: AbortSignal | undefined) {
    const fail = (error: unknown): void => {
      this.#failure ??= error;
      this.#wake?.();
    };
    thread.on('message', (answer) => {
      if (answer.type === 'failed') fail(unpackError(answer.failure));
      else this.#answers.push(answer);
      this.#wake?.();
    });
    thread.on('error', fail);
    thread.on('exit', () =>
      fail(new OcirenderError('ERR_OCIRENDER_IO', 'the thread that reads an image has ended')),
    );
    const onAbort = (): void => {
      fail(abortedError(signal?.reason));
      void thread.terminate();
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    this.dispose = () => signal?.removeEventListener('abort', onAbort);
  }

  async next(): Promise<Answer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
