import { type BlockCodec, type CodecSpec, createCodec } from './codec.ts';

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly codec: CodecSpec;
  /** Block bytes of every slot. */
  readonly data: readonly SharedArrayBuffer[];
  /** Control words of every slot: see block-slot.ts. */
  readonly control: readonly SharedArrayBuffer[];
  /** One 32-bit word: not 0 when the threads are to end. */
  readonly stop: SharedArrayBuffer;
}

/** What a worker answers for each slot. */
export interface WorkerAnswer {
  readonly slot: number;
  readonly error?: string;
}

interface WorkerThreads {
  parentPort: {
    on(event: 'message', listener: (slot: number) => void): void;
    postMessage(answer: object): void;
    close(): void;
  };
  workerData: WorkerSetup;
}

/** Runs in the worker, as text: uses nothing from outside its own body. */
function runWorker(
  threads: WorkerThreads,
  load: (name: string) => unknown,
  makeCodec: (spec: CodecSpec, load: (name: string) => unknown) => BlockCodec,
): void {
  const { parentPort, workerData } = threads;
  const codec = makeCodec(workerData.codec, load);
  const output = new Uint8Array(codec.outputSize);
  const zeros = Buffer.alloc(workerData.codec.blockSize);
  const stop = new Int32Array(workerData.stop);
  const waiting: number[] = [];
  let busy = false;

  // Control words: [0] = number of blocks; then for each block its size, bit 30 set where zeros must be kept;
  // answered in place by the block's size word of the format. Results are packed at the slot's start, which
  // never overtakes the input because a block never grows.
  const compressSlot = async (slot: number): Promise<void> => {
    const data = new Uint8Array(workerData.data[slot] as SharedArrayBuffer);
    const control = new Int32Array(workerData.control[slot] as SharedArrayBuffer);
    let from = 0;
    let to = 0;
    for (let i = 1; i <= (control[0] as number); i++) {
      if (Atomics.load(stop, 0) !== 0) return;
      const length = (control[i] as number) & 0xffffff;
      const keepZeros = ((control[i] as number) & 0x40000000) !== 0;
      const input = data.subarray(from, from + length);
      from += length;
      const maybeZero = !keepZeros && input[0] === 0 && input[length >> 1] === 0 && input[length - 1] === 0;
      if (maybeZero && zeros.subarray(0, length).equals(input)) {
        control[i] = 0;
        continue;
      }
      const result = codec.compress(input, output);
      const size = typeof result === 'number' ? result : await result;
      if (size === 0) {
        if (to !== from - length) data.copyWithin(to, from - length, from);
        control[i] = length | 0x1000000;
        to += length;
      } else {
        data.set(output.subarray(0, size), to);
        control[i] = size;
        to += size;
      }
    }
  };

  const work = async (): Promise<void> => {
    busy = true;
    for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
      // Its last message: without the port the thread has nothing to wait for, and ends.
      if (Atomics.load(stop, 0) !== 0) return parentPort.close();
      try {
        await compressSlot(slot);
        parentPort.postMessage({ slot });
      } catch (error) {
        parentPort.postMessage({ slot, error: String(error) });
      }
    }
    busy = false;
  };
  parentPort.on('message', (slot) => {
    waiting.push(slot);
    if (!busy) void work();
  });
}

/**
 * Gives the program of a compression worker as JavaScript text.
 *
 * Text, not a file: it runs the same from `dist`, from TypeScript sources under a test runner (Node 20 cannot
 * start a worker from a `.ts` file) and out of a bundle. `__name` is what some bundlers wrap functions in.
 *
 * @returns source for `new Worker(source, { eval: true })`
 */
export function workerSource(): string {
  return [
    `'use strict';`,
    'const __name = (value) => value;',
    `const createCodec = ${createCodec.toString()};`,
    `(${runWorker.toString()})(require('node:worker_threads'), require, createCodec);`,
  ].join('\n');
}
