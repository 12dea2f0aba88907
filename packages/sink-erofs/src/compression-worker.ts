import type { CodecSpec } from './compression.ts';
import { createLz4hc } from './lz4hc.ts';
import { createSegmentCompressor } from './segment-compressor.ts';

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly codec: CodecSpec;
  /** Of every slot: segments, compressed blocks, control words (segment-slot.ts). */
  readonly input: readonly SharedArrayBuffer[];
  readonly output: readonly SharedArrayBuffer[];
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

/** Runs in the worker, as text: uses nothing from outside of its own body. */
function runWorker(
  threads: WorkerThreads,
  load: (name: string) => unknown,
  makeCompressor: typeof createSegmentCompressor,
  makeLz4hc: typeof createLz4hc,
): void {
  const { parentPort, workerData } = threads;
  const compressor = makeCompressor(workerData.codec, load, makeLz4hc);
  const stop = new Int32Array(workerData.stop);
  // Native libraries want memory that is not shared.
  const copy = Buffer.allocUnsafeSlow(1024 * 1024);
  const align = (length: number): number => Math.ceil(length / 4096) * 4096;

  const compressSlot = (slot: number): void => {
    const input = new Uint8Array(workerData.input[slot] as SharedArrayBuffer);
    const output = new Uint8Array(workerData.output[slot] as SharedArrayBuffer);
    const control = new Int32Array(workerData.control[slot] as SharedArrayBuffer);
    const segments = control[0] as number;
    let answer = 1 + segments;
    let start = 0;
    for (let i = 1; i <= segments; i++) {
      if (Atomics.load(stop, 0) !== 0) return;
      const length = control[i] as number;
      copy.set(input.subarray(start, start + length));
      const extents: number[] = [];
      const room = output.subarray(start, start + align(length));
      control[answer] = compressor.compress(copy.subarray(0, length), room, extents);
      control[answer + 1] = extents.length;
      control.set(extents, answer + 2);
      answer += 2 + extents.length;
      start = align(start + length);
    }
  };

  parentPort.on('message', (slot) => {
    if (slot < 0 || Atomics.load(stop, 0) !== 0) {
      parentPort.close();
      return;
    }
    try {
      compressSlot(slot);
      parentPort.postMessage({ slot });
    } catch (error) {
      parentPort.postMessage({ slot, error: String(error) });
    }
  });
}

/**
 * Gives the program of a compression worker as JavaScript text.
 *
 * Text, not a file: it runs the same from `dist`, from TypeScript sources under a test runner (Node 20 cannot start a
 * worker from a `.ts` file) and out of a bundle. `__name` is what some bundlers wrap functions in.
 *
 * @returns source for `new Worker(source, { eval: true })`
 */
export function workerSource(): string {
  return [
    `'use strict';`,
    'const __name = (value) => value;',
    `const createSegmentCompressor = ${createSegmentCompressor.toString()};`,
    `const createLz4hc = ${createLz4hc.toString()};`,
    `(${runWorker.toString()})(require('node:worker_threads'), require, createSegmentCompressor, createLz4hc);`,
  ].join('\n');
}
