import { Worker } from 'node:worker_threads';
import { OcirenderError } from '@ocirender/interface';
import type { BlockSlot } from './block-slot.ts';
import type { CodecSpec } from './codec.ts';
import { type WorkerAnswer, type WorkerSetup, workerSource } from './worker-source.ts';

/** More threads than this gain nothing: one producer feeds them. */
const MAX_WORKERS = 24;

/** What happens in the pool. */
export interface WorkerPoolEvents {
  /** A slot's blocks are compressed. */
  readonly done: (slot: BlockSlot) => void;
  /** A worker failed; no slot will be done any more. */
  readonly failed: (error: OcirenderError) => void;
}

interface Member {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  /** Slots that it has been given and has not answered. */
  load: number;
}

/** Threads that compress the blocks of slots. They are started when there is work for them. */
export class WorkerPool {
  readonly slots: readonly BlockSlot[];
  readonly #limit: number;
  readonly #setup: WorkerSetup;
  readonly #events: WorkerPoolEvents;
  readonly #members: Member[] = [];
  #ended = false;

  /**
   * @param threads - most threads to use
   * @param codec - what they compress with
   * @param makeSlot - makes the slot of an index
   * @param events - who hears of results
   */
  constructor(
    threads: number,
    codec: CodecSpec,
    makeSlot: (index: number) => BlockSlot,
    events: WorkerPoolEvents,
  ) {
    this.#limit = Math.min(threads, MAX_WORKERS);
    // Two for each worker (one at work, one waiting) and two for the main thread (one to fill, one to write).
    this.slots = Array.from({ length: 2 * this.#limit + 2 }, (_, index) => makeSlot(index));
    this.#setup = {
      codec,
      data: this.slots.map((slot) => slot.sharedData),
      control: this.slots.map((slot) => slot.sharedControl),
      stop: new SharedArrayBuffer(4),
    };
    this.#events = events;
  }

  /** Hands a filled slot to the least busy thread. */
  submit(slot: BlockSlot): void {
    if (this.#ended) return;
    let member = this.#members[0];
    for (const other of this.#members) if (member === undefined || other.load < member.load) member = other;
    if (member === undefined || (member.load > 0 && this.#members.length < this.#limit))
      member = this.#start();
    member.load++;
    member.worker.postMessage(slot.index);
  }

  /**
   * Ends all threads after the blocks at which they are; other work is lost. They are asked to end, for a thread
   * that is terminated within a native codec (lzma-native) takes the whole process with it.
   */
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
      if (answer.error !== undefined) return this.#fail(answer.error);
      const slot = this.slots[answer.slot] as BlockSlot;
      slot.done = true;
      this.#events.done(slot);
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(`the thread ended with code ${code}`));
    this.#members.push(member);
    return member;
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = new OcirenderError(
      'ERR_OCIRENDER_SINK_SQUASHFS_COMPRESSOR',
      `a compression thread failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    this.#events.failed(error);
  }
}
