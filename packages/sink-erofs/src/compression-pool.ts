import { Worker } from 'node:worker_threads';
import { OcirenderError } from '@ocirender/interface';
import type { CodecSpec } from './compression.ts';
import { type WorkerAnswer, type WorkerSetup, workerSource } from './compression-worker.ts';
import { SegmentSlot } from './segment-slot.ts';

/** More threads than this gain nothing: one producer feeds them. */
const MAX_WORKERS = 24;

/** What happens in the pool. */
export interface CompressionPoolEvents {
  /** A slot's segments are compressed. */
  readonly done: () => void;
  /** A worker failed; no slot will be done any more. */
  readonly failed: (error: OcirenderError) => void;
}

interface Member {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  /** Slots that it has been given and has not answered. */
  load: number;
}

/** Threads that compress the segments of slots. They are started when there is work for them. */
export class CompressionPool {
  readonly slots: readonly SegmentSlot[];
  readonly #limit: number;
  readonly #setup: WorkerSetup;
  readonly #events: CompressionPoolEvents;
  readonly #members: Member[] = [];
  #ended = false;

  constructor(threads: number, codec: CodecSpec, events: CompressionPoolEvents) {
    this.#limit = Math.min(threads, MAX_WORKERS);
    // Two for each worker (one at work, one waiting) and two for the main thread (one to fill, one to write).
    this.slots = Array.from({ length: 2 * this.#limit + 2 }, (_, index) => new SegmentSlot(index));
    this.#setup = {
      codec,
      input: this.slots.map((slot) => slot.sharedInput),
      output: this.slots.map((slot) => slot.sharedOutput),
      control: this.slots.map((slot) => slot.sharedControl),
      stop: new SharedArrayBuffer(4),
    };
    this.#events = events;
  }

  /** Hands a filled slot to the least busy thread. */
  submit(slot: SegmentSlot): void {
    if (this.#ended) return;
    const [least] = this.#members.toSorted((a, b) => a.load - b.load);
    const member =
      least === undefined || (least.load > 0 && this.#members.length < this.#limit) ? this.#start() : least;
    member.load++;
    member.worker.postMessage(slot.index);
  }

  /** Ends all threads after the segments at which they are; other work is lost. */
  async end(): Promise<void> {
    this.#ended = true;
    Atomics.store(new Int32Array(this.#setup.stop), 0, 1);
    for (const { worker } of this.#members) worker.postMessage(-1);
    await Promise.all(this.#members.map(({ exited }) => exited));
  }

  #start(): Member {
    const worker = new Worker(workerSource(), {
      eval: true,
      workerData: this.#setup,
      execArgv: [],
      stdin: false,
    });
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const member: Member = { worker, exited, load: 0 };
    worker.on('message', (answer: WorkerAnswer) => {
      if (this.#ended) return;
      member.load--;
      if (answer.error !== undefined) {
        this.#fail(answer.error);
        return;
      }
      (this.slots[answer.slot] as SegmentSlot).done = true;
      this.#events.done();
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(`the thread ended with code ${code}`));
    this.#members.push(member);
    return member;
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#events.failed(
      new OcirenderError('ERR_OCIRENDER_SINK_EROFS_COMPRESSOR', `a compression thread failed: ${reason}`, {
        cause,
      }),
    );
  }
}
