import { parentPort, workerData } from 'node:worker_threads';

/** What a worker is started with. */
export interface WorkerSetup {
  /** What the format's program needs to know. */
  readonly data: unknown;
  /** The memory of every slot. */
  readonly slots: readonly (readonly SharedArrayBuffer[])[];
  /** One 32-bit word: not 0 when the threads are to end. */
  readonly stop: SharedArrayBuffer;
}

/** What a worker answers for each slot. */
export interface WorkerAnswer {
  readonly slot: number;
  readonly error?: string;
}

/** Compresses one slot's blocks in place. */
export type SlotWork = (memory: readonly SharedArrayBuffer[]) => void | Promise<void>;

/**
 * Begins the work of one thread.
 *
 * @param data - the pool's
 * @param isStopped - tells whether to leave off between two blocks
 * @returns what is done with each slot
 */
export type BeginWork<Data> = (data: Data, isStopped: () => boolean) => SlotWork;

/**
 * The main loop of a worker's program: compresses one slot after the other, until it is told to end.
 *
 * ```js
 * import { serveSlots } from '@ocirender/block-pipeline/worker';
 *
 * serveSlots((data, isStopped) => {
 *   const codec = makeCodec(data);
 *   return ([memory]) => codec.compress(new Uint8Array(memory));
 * });
 * ```
 *
 * @param begin - called once
 */
export function serveSlots<Data>(begin: BeginWork<Data>): void {
  if (parentPort === null) throw new Error('serveSlots is for the program of a worker thread');
  const port = parentPort;
  const { data, slots, stop } = workerData as WorkerSetup;
  const stopWord = new Int32Array(stop);
  const isStopped = (): boolean => Atomics.load(stopWord, 0) !== 0;
  const waiting: number[] = [];
  let work: SlotWork | undefined;
  let busy = false;

  async function workOn(): Promise<void> {
    busy = true;
    for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
      // Its last message: without the port the thread has nothing to wait for, and ends.
      if (isStopped()) return port.close();
      try {
        work ??= begin(data as Data, isStopped);
        const working = work(slots[slot]!);
        if (working !== undefined) await working;
        port.postMessage({ slot } satisfies WorkerAnswer);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        port.postMessage({ slot, error: text } satisfies WorkerAnswer);
      }
    }
    busy = false;
  }
  port.on('message', (slot: number) => {
    waiting.push(slot);
    if (!busy) void workOn();
  });
}
