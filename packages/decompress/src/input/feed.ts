import type { Layer } from '@ocirender/interface';
import { createRingMemory, RingFeeder, type RingMemory } from './ring.ts';

/** Passes stored bytes that lie in no file (those of a registry, for example) to the thread that decompresses them. */
export class Feed {
  readonly memory: RingMemory = createRingMemory();
  readonly #ring = new RingFeeder(this.memory);
  readonly #stop = new AbortController();
  readonly #feeding: Promise<void>;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = ignore;

  /**
   * Begins to read.
   *
   * @param layer - whose `open` checks what it gives
   */
  constructor(layer: Layer) {
    this.#feeding = this.#feed(layer);
  }

  /** What the source ended with, if not with its end. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** There is room in the ring. */
  wake(): void {
    this.#wake();
  }

  /** Ends the reading. */
  stop(): void {
    this.#ring.stop();
    this.#stop.abort();
    this.#wake();
  }

  /** Waits for the end. */
  async close(): Promise<void> {
    await this.#feeding;
  }

  async #feed(layer: Layer): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const chunk of layer.open({ signal })) {
        for (let from = 0; from < chunk.length && !signal.aborted; ) {
          const count = this.#ring.put(from === 0 ? chunk : chunk.subarray(from));
          from += count;
          if (count === 0 && this.#ring.sleep()) await this.#room();
        }
        if (signal.aborted) return;
      }
    } catch (error) {
      this.#failure = { error };
    }
    // The reader hears of the end when the failure is known.
    this.#ring.end();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stop.signal.aborted) resolve();
    });
  }
}

function ignore(): void {}
