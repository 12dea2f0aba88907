import { Worker } from 'node:worker_threads';
import { findWorkerProgram, OcirenderError, type SinkErrorCode } from '@ocirender/interface';
import type { PipelineSlot } from './pipeline-slot.ts';
import type { WorkerAnswer, WorkerSetup } from './serve-slots.ts';

/** More threads than this gain nothing: one producer feeds them. */
const MAX_WORKERS = 24;

/** What a pool is made of. */
export interface WorkerPoolSetup<Slot extends PipelineSlot> {
  /** Most threads to use. */
  readonly threads: number;
  /** The program of the threads, which calls `serveSlots`: as its package exports it. */
  readonly program: string;
  /** `import.meta.url` of a module of that package. */
  readonly from: string;
  /** Shown by tools that list threads. */
  readonly name: string;
  /** What the program needs to know; plain data. */
  readonly data: unknown;
  /** Makes the slot of an index. */
  readonly makeSlot: (index: number) => Slot;
  /** Code of the error of a thread that fails. */
  readonly errorCode: SinkErrorCode;
}

/** What happens in the pool. */
export interface WorkerPoolEvents {
  /** A slot's blocks are compressed. */
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

/** Threads that compress the blocks of slots. They are started when there is work for them. */
export class WorkerPool<Slot extends PipelineSlot> {
  readonly slots: readonly Slot[];
  readonly #limit: number;
  readonly #setup: WorkerPoolSetup<Slot>;
  readonly #program: URL;
  readonly #workerSetup: WorkerSetup;
  readonly #events: WorkerPoolEvents;
  readonly #members: Member[] = [];
  #ended = false;

  /**
   * @param setup - see {@link WorkerPoolSetup}
   * @param events - who hears of results
   * @throws {OcirenderError} `errorCode` when the program is missing
   */
  constructor(setup: WorkerPoolSetup<Slot>, events: WorkerPoolEvents) {
    this.#setup = setup;
    const program = findWorkerProgram(setup.program, setup.from);
    if (program === undefined) throw programMissing(setup);
    this.#program = program;
    this.#limit = Math.min(setup.threads, MAX_WORKERS);
    // Two for each worker (one at work, one waiting) and two for the main thread (one to fill, one to write).
    this.slots = Array.from({ length: 2 * this.#limit + 2 }, (_, index) => setup.makeSlot(index));
    this.#workerSetup = {
      data: setup.data,
      slots: this.slots.map(({ memory }) => memory),
      stop: new SharedArrayBuffer(4),
    };
    this.#events = events;
  }

  /** Hands a filled slot to the least busy thread. */
  submit(slot: Slot): void {
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
    Atomics.store(new Int32Array(this.#workerSetup.stop), 0, 1);
    for (const { worker } of this.#members) worker.postMessage(-1);
    await Promise.all(this.#members.map(({ exited }) => exited));
  }

  #start(): Member {
    const worker = new Worker(this.#program, {
      workerData: this.#workerSetup,
      execArgv: [],
      stdin: false,
      name: this.#setup.name,
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
      this.slots[answer.slot]!.done = true;
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
      new OcirenderError(this.#setup.errorCode, `a compression thread failed: ${reason}`, { cause }),
    );
  }
}

function programMissing({ program, errorCode }: WorkerPoolSetup<PipelineSlot>): OcirenderError {
  return new OcirenderError(errorCode, `the program of the compression threads, ${program}, is missing`, {
    hint: 'A bundle of one file cannot hold it: keep the package beside the bundle, as it was installed.',
  });
}
