import { findWorkerProgram, type Layer } from '@ocirender/interface';
import { InputThread } from './input-thread.ts';
import type { LayerInput, LayerInputOptions } from './layer-input.ts';
import { LocalInput } from './local-input.ts';
import { createRingMemory, type RingMemory } from './ring.ts';
import { ThreadedInput } from './threaded-input.ts';

/** Stored bytes from which on a layer is worth two threads: they take some 50 ms to begin. */
const WORTH_THREADS = 2 * 1024 * 1024;

/** How layers are read. */
export interface InputThreadsOptions {
  /** Stored bytes of a layer from which on threads read it. @defaultValue 2 MiB */
  readonly from?: number;
}

/**
 * Reads layers off the main thread: two threads and a ring of shared memory, begun for the first layer that is worth it
 * and used for one after the other. Small layers are read in the calling thread; what is read is the same.
 */
export class InputThreads {
  readonly #from: number;
  #reader: InputThread | undefined;
  #hasher: InputThread | undefined;
  #ring: RingMemory | undefined;
  #isTaken = false;

  constructor({ from = WORTH_THREADS }: InputThreadsOptions = {}) {
    this.#from = from;
  }

  /**
   * Begins to read a layer.
   *
   * @param layer - to read
   * @param options - limits and handlers
   * @returns the tar; must be closed
   */
  open(layer: Layer, options: LayerInputOptions): LayerInput {
    if (layer.size < this.#from || this.#isTaken) return new LocalInput(layer, options);
    const program = findWorkerProgram('@ocirender/decompress/input-worker', import.meta.url);
    // A bundle of one file has none.
    if (program === undefined) return new LocalInput(layer, options);
    this.#isTaken = true;
    this.#reader ??= new InputThread(program, 'ocirender-input');
    if (layer.diffId !== undefined) this.#hasher ??= new InputThread(program, 'ocirender-hash');
    this.#ring ??= createRingMemory();
    const hasher = layer.diffId === undefined ? undefined : this.#hasher;
    const machinery = { reader: this.#reader, hasher, ring: this.#ring };
    return new ThreadedInput(layer, options, machinery, () => {
      this.#isTaken = false;
    });
  }

  /** Ends the threads; every layer must have been closed. */
  async end(): Promise<void> {
    await Promise.all([this.#reader?.end(), this.#hasher?.end()]);
    this.#reader = undefined;
    this.#hasher = undefined;
  }
}
