import { Worker } from 'node:worker_threads';
import { findWorkerProgram, OcirenderError, type SinkErrorCode } from '@ocirender/interface';
import type { PipelineSlot } from './pipeline-slot.ts';
import type { BeginWork, SlotWork, WorkerAnswer, WorkerSetup } from './serve-slots.ts';

/** More threads than this gain nothing: one producer feeds them. */
const MAX_WORKERS = 24;

/** What a pool is made of. */
export interface WorkerPoolSetup<Slot extends PipelineSlot, Data = unknown> {
  /** Most threads to use. */
  readonly threads: number;
  /** The program of the threads, which calls `serveSlots`: as its package exports it. */
  readonly program: string;
  /** `import.meta.url` of a module of that package. */
  readonly from: string;
  /** Shown by tools that list threads. */
  readonly name: string;
  /** What the program needs to know; plain data. */
  readonly data: Data;
  /** Loads what the program does, for the calling thread: for output of one slot, and where there is no program (a bundle). */
  readonly work: () => Promise<BeginWork<Data>>;
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
export class WorkerPool<Slot extends PipelineSlot, Data = unknown> {
  readonly slots: readonly Slot[];
  readonly #limit: number;
  readonly #setup: WorkerPoolSetup<Slot, Data>;
  readonly #workerSetup: WorkerSetup;
  readonly #events: WorkerPoolEvents;
  readonly #members: Member[] = [];
  /** The first slot of all: it may stay the only one. */
  #first: Slot | undefined;
  /** What is done in the calling thread, one slot after the other. */
  #here: Promise<SlotWork> | undefined;
  #ended = false;

  /**
   * @param setup - see {@link WorkerPoolSetup}
   * @param events - who hears of results
   */
  constructor(setup: WorkerPoolSetup<Slot, Data>, events: WorkerPoolEvents) {
    this.#setup = setup;
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

  /** Hands a filled slot to the least busy thread; the first one waits for a second, or for {@link flush}. */
  submit(slot: Slot): void {
    if (this.#ended) return;
    const first = this.#first;
    if (first === undefined && this.#members.length === 0 && this.#here === undefined) {
      this.#first = slot;
      return;
    }
    this.#first = undefined;
    if (first !== undefined) this.#give(first);
    this.#give(slot);
  }

  /** No more slots come for now: a first one that is alone is done here, for it is not worth a thread. */
  flush(): void {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined && !this.#ended) this.#doHere(first);
  }

  #give(slot: Slot): void {
    let member = this.#members[0];
    for (const other of this.#members) if (member === undefined || other.load < member.load) member = other;
    if (member === undefined || (member.load > 0 && this.#members.length < this.#limit)) {
      const program = findWorkerProgram(this.#setup.program, this.#setup.from);
      // A bundle of one file has none.
      if (program === undefined) {
        this.#doHere(slot);
        return;
      }
      member = this.#start(program);
    }
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
    await this.#here?.catch(() => undefined);
  }

  #doHere(slot: Slot): void {
    const { work, data } = this.#setup;
    this.#here ??= work().then((begin) => begin(data, () => this.#ended));
    this.#here = this.#here.then(async (doWork) => {
      await doWork(slot.memory);
      if (!this.#ended) {
        slot.done = true;
        this.#events.done();
      }
      return doWork;
    });
    this.#here.catch((error: unknown) => this.#fail(error));
  }

  #start(program: URL): Member {
    const worker = new Worker(program, {
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
