import { BlockSlot, SLOT_EVENT } from './block-slot.ts';
import type { CodecSpec } from './codec.ts';
import { OrderedWriter, type OrderedWriterSetup } from './ordered-writer.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a block writer works on. */
export interface BlockWriterSetup extends OrderedWriterSetup {
  readonly codec: CodecSpec;
  readonly threads: number;
}

/**
 * Collects blocks in slots, has workers compress them, and has the slots written in the order in which they
 * were filled. Only that last step decides positions and duplicates; so the image does not depend on the number
 * of threads or on timing.
 *
 * Before a block is put there must be {@link room} for it.
 */
export class BlockWriter {
  readonly #order: OrderedWriter;
  readonly #pool: WorkerPool;
  readonly #free: BlockSlot[];
  /** Filled slots, oldest first: at work, or waiting to be written. */
  readonly #filled: BlockSlot[] = [];
  #open: BlockSlot | undefined;
  #draining = false;
  #wake: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(setup: BlockWriterSetup) {
    this.#order = new OrderedWriter(setup);
    this.#pool = new WorkerPool(setup.threads, setup.codec, (index) => new BlockSlot(index), {
      done: () => this.#drain(),
      failed: (error) => this.fail(error),
    });
    this.#free = [...this.#pool.slots];
  }

  /** Number of contents whose blocks were there already. */
  get duplicates(): number {
    return this.#order.duplicates;
  }

  /**
   * Makes room for a block.
   *
   * @param length - its size in bytes; 0 before zeros or an end without a block
   * @returns undefined when there is room; else a promise to wait for
   * @throws what made this writer fail
   */
  room(length: number): undefined | Promise<void> {
    this.check();
    if (this.#open !== undefined) {
      if (this.#open.hasRoom(length) && !(length === 0 && this.#open.isCrowded)) return undefined;
      this.#seal();
    }
    this.#open = this.#free.pop();
    return this.#open === undefined ? this.#waitForSlot() : undefined;
  }

  /** Adds bytes to the open block. */
  put(bytes: Uint8Array): void {
    this.#current().put(bytes);
  }

  /** Adds zeros to the open block. */
  putZeros(count: number): void {
    this.#current().putZeros(count);
  }

  /** Closes the open block of the current content. */
  endDataBlock(): void {
    this.#current().endDataBlock();
  }

  /** Closes the open block, a fragment block. Only between contents. */
  endFragmentBlock(index: number): void {
    this.#current().endFragmentBlock(index);
  }

  /** Adds zero blocks to the current content without going through bytes. */
  zeros(bytes: number): void {
    this.#current().events.push(SLOT_EVENT.zeros, bytes);
  }

  /** Ends the blocks of a content. */
  endContent(ref: number): void {
    this.#current().events.push(SLOT_EVENT.end, ref);
  }

  /**
   * Waits until everything is written and ends the threads.
   *
   * @returns the position after the last block
   */
  async finish(): Promise<number> {
    this.check();
    this.#seal();
    while (this.#filled.length > 0) await this.#change();
    await this.#pool.end();
    return this.#order.position;
  }

  /** Makes every waiting and later call throw `error`; the first one stays. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** Throws what made this writer fail, if anything did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the threads at once. */
  async abort(reason: unknown): Promise<void> {
    this.fail(reason);
    await this.#pool.end();
  }

  #current(): BlockSlot {
    return this.#open as BlockSlot;
  }

  async #waitForSlot(): Promise<void> {
    for (; this.#open === undefined; this.#open = this.#free.pop()) await this.#change();
  }

  /** Waits until a slot was written or something failed. */
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
    if (slot.blocks > 0) {
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
      await this.#order.store(slot);
      if (this.#failure !== undefined) return;
      this.#filled.shift();
      slot.clear();
      this.#free.push(slot);
      this.#wake?.();
    }
    this.#draining = false;
  }
}
