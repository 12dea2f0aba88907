import { Worker } from 'node:worker_threads';
import { findWorkerProgram, type KeptWork } from '@ocirender/interface';
import { COPY_BUFFER, copyRanges, RANGE_NUMBERS } from './copy-ranges.ts';

/** So many bytes are copied by the calling thread: a thread of its own is not worth its start. */
const HERE_BYTES = 4 * 1024 * 1024;
/** Ranges, and bytes, that are sent to the thread at a time. */
const BATCH_RANGES = 128;
const BATCH_BYTES = 8 * 1024 * 1024;

/** What the thread is told: ranges, and the number of the first. */
export interface CopyOrder {
  readonly first: number;
  readonly ranges: Float64Array;
}

/** What it answers to each order; nothing when all went well. */
export interface CopyAnswer {
  /** Number of a range that is damaged. */
  readonly damaged?: number;
  /** A system error. */
  readonly error?: unknown;
}

/** Copies items of kept work into a file, in a thread when there are many, and checks them. */
export class KeptCopier {
  readonly #output: number;
  readonly #fail: (reason: unknown) => void;
  /** Items in the order of the ranges. */
  readonly #items: { readonly kept: KeptWork; readonly item: number }[] = [];
  readonly #ranges = new Float64Array(BATCH_RANGES * RANGE_NUMBERS);
  #pending = 0;
  #pendingBytes = 0;
  #sent = 0;
  #hereBytes = 0;
  #buffer: Uint8Array | undefined;
  #worker: Worker | undefined;
  /** Orders that are not answered. */
  #open = 0;
  #wake: (() => void) | undefined;
  #failure: { readonly reason: unknown } | undefined;

  /**
   * @param output - descriptor of the file
   * @param fail - is told of damage, and of system errors
   */
  constructor(output: number, fail: (reason: unknown) => void) {
    this.#output = output;
    this.#fail = fail;
  }

  /**
   * Copies an item.
   *
   * @param kept - whose
   * @param item - its index
   * @param to - where its first byte goes
   */
  copy(kept: KeptWork, item: number, to: number): void {
    const { fd, position, size, crc32 } = kept.range(item);
    this.#ranges.set([fd, position, size, crc32, to], this.#pending * RANGE_NUMBERS);
    this.#items.push({ kept, item });
    this.#pending++;
    this.#pendingBytes += size;
    if (this.#pending === BATCH_RANGES || this.#pendingBytes >= BATCH_BYTES) this.#send();
  }

  /**
   * Waits until everything is copied.
   *
   * @throws what went wrong
   */
  async settle(): Promise<void> {
    this.#send();
    while (this.#open > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  /** Ends the thread; what it has not done is lost. Never throws. */
  async end(): Promise<void> {
    this.#failure ??= { reason: new Error('the copying was ended') };
    await this.#worker?.terminate();
  }

  #send(): void {
    if (this.#pending === 0) return;
    const ranges = this.#ranges.slice(0, this.#pending * RANGE_NUMBERS);
    const [first, bytes] = [this.#sent, this.#pendingBytes];
    this.#sent += this.#pending;
    this.#pending = 0;
    this.#pendingBytes = 0;
    if (this.#failure !== undefined) return;
    const program =
      this.#hereBytes + bytes <= HERE_BYTES
        ? undefined
        : findWorkerProgram('@ocirender/image-file/copy-worker', import.meta.url);
    // A bundle of one file has none.
    if (program === undefined) {
      this.#hereBytes += bytes;
      this.#copyHere(first, ranges);
      return;
    }
    this.#worker ??= this.#start(program);
    this.#open++;
    this.#worker.postMessage({ first, ranges } satisfies CopyOrder, [ranges.buffer]);
  }

  #copyHere(first: number, ranges: Float64Array): void {
    this.#buffer ??= Buffer.allocUnsafeSlow(COPY_BUFFER);
    try {
      const damaged = copyRanges(ranges, this.#output, this.#buffer);
      if (damaged !== undefined) this.#answer({ damaged: first + damaged });
    } catch (error) {
      this.#answer({ error });
    }
  }

  #start(program: URL): Worker {
    const worker = new Worker(program, {
      workerData: { output: this.#output },
      execArgv: [],
      stdin: false,
      name: 'ocirender-copy',
    });
    worker.on('message', (answer: CopyAnswer) => {
      this.#open--;
      this.#answer(answer);
    });
    worker.on('error', (error) => this.#answer({ error }));
    return worker;
  }

  #answer({ damaged, error }: CopyAnswer): void {
    if (this.#failure === undefined && (damaged !== undefined || error !== undefined)) {
      const item = damaged === undefined ? undefined : this.#items[damaged];
      const reason = item?.kept.reject('the checksum of its bytes is wrong', item.item) ?? error;
      this.#failure = { reason };
      this.#fail(reason);
    }
    this.#wake?.();
  }
}
