import type { PipelineSlot } from './pipeline-slot.ts';
import { WorkerPool, type WorkerPoolSetup } from './worker-pool.ts';

/** What is done with slots besides compressing them. */
export interface SlotOrderSetup<Slot extends PipelineSlot, Data = unknown>
  extends WorkerPoolSetup<Slot, Data> {
  /** Stores a compressed slot: one call at a time, in the order in which the slots were filled. */
  readonly store: (slot: Slot) => Promise<void>;
}

/**
 * Has slots filled one after the other, compressed by workers in any order, and stored in the order in which they were
 * filled. Only that last step decides positions and duplicates; so an output does not depend on the number of threads or
 * on timing.
 */
export class SlotOrder<Slot extends PipelineSlot, Data = unknown> {
  readonly #store: (slot: Slot) => Promise<void>;
  readonly #pool: WorkerPool<Slot, Data>;
  readonly #free: Slot[];
  /** Filled slots, oldest first: at work, or waiting to be stored. */
  readonly #filled: Slot[] = [];
  #open: Slot | undefined;
  #draining = false;
  #wake: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(setup: SlotOrderSetup<Slot, Data>) {
    this.#store = setup.store;
    this.#pool = new WorkerPool(setup, {
      done: () => this.#drain(),
      failed: (error) => this.fail(error),
    });
    this.#free = [...this.#pool.slots];
  }

  /** The slot that is being filled; there is one after {@link next}. */
  get open(): Slot | undefined {
    return this.#open;
  }

  /**
   * Sends the open slot on and opens a fresh one.
   *
   * @returns undefined when there is one at once; else a promise to wait for
   * @throws what made this fail
   */
  next(): undefined | Promise<void> {
    this.check();
    this.#seal();
    this.#open = this.#free.pop();
    return this.#open === undefined ? this.#waitForSlot() : undefined;
  }

  /** Sends the open slot on and waits until everything is stored. */
  async settle(): Promise<void> {
    this.check();
    this.#seal();
    this.#pool.flush();
    while (this.#filled.length > 0) await this.#change();
  }

  /** Ends the threads; what they have not done is lost. */
  async end(): Promise<void> {
    await this.#pool.end();
  }

  /** Makes every waiting and later call throw `error`; the first one stays. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** Throws what made this fail, if anything did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #waitForSlot(): Promise<void> {
    for (; this.#open === undefined; this.#open = this.#free.pop()) await this.#change();
  }

  /** Waits until a slot was stored or something failed. */
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#failure !== undefined) resolve();
    });
    this.#wake = undefined;
    this.check();
  }

  #seal(): void {
    const slot = this.#open;
    if (slot === undefined) return;
    this.#open = undefined;
    if (slot.isEmpty) {
      this.#free.push(slot);
      return;
    }
    this.#filled.push(slot);
    if (slot.hasWork) {
      this.#pool.submit(slot);
    } else {
      slot.done = true;
      this.#drain();
    }
  }

  #drain(): void {
    if (this.#draining || this.#failure !== undefined) return;
    this.#draining = true;
    this.#drainFilled().then(
      () => {},
      (error: unknown) => this.fail(error),
    );
  }

  async #drainFilled(): Promise<void> {
    for (let slot = this.#filled[0]; slot?.done === true; slot = this.#filled[0]) {
      await this.#store(slot);
      if (this.#failure !== undefined) return;
      this.#filled.shift();
      slot.done = false;
      slot.clear();
      this.#free.push(slot);
      this.#wake?.();
    }
    this.#draining = false;
  }
}
