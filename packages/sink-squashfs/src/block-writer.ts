import { BlockSlot, SLOT_EVENT } from './block-slot.ts';
import type { CodecSpec } from './codec.ts';
import type { ContentTable } from './content-table.ts';
import { DuplicateFinder } from './duplicate-finder.ts';
import { BLOCK_SIZE_MASK } from './format.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { OutputFile } from './output-file.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a block writer works on. */
export interface BlockWriterSetup {
  readonly file: OutputFile;
  readonly contents: ContentTable;
  readonly fragments: FragmentTable;
  readonly codec: CodecSpec;
  readonly threads: number;
  /** Position of the first block. */
  readonly start: number;
  readonly dedupe: boolean;
}

/**
 * Cuts the way from blocks to the file: collects blocks in slots, has workers compress them, and writes the
 * slots out in the order in which they were filled. Only that last step, one slot after the other, decides
 * positions and duplicates; so the image does not depend on the number of threads or on timing.
 *
 * Before a block is put there must be {@link room} for it.
 */
export class BlockWriter {
  readonly #setup: BlockWriterSetup;
  readonly #pool: WorkerPool;
  readonly #finder = new DuplicateFinder();
  readonly #free: BlockSlot[];
  /** Filled slots, oldest first: at work, or waiting to be written. */
  readonly #filled: BlockSlot[] = [];
  #open: BlockSlot | undefined;
  #draining = false;
  #wake: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #position: number;
  #contentStart = -1;
  #sparse = 0;
  #duplicates = 0;

  constructor(setup: BlockWriterSetup) {
    this.#setup = setup;
    this.#position = setup.start;
    this.#pool = new WorkerPool(setup.threads, setup.codec, (index) => new BlockSlot(index), {
      done: () => this.#drain(),
      failed: (error) => this.fail(error),
    });
    this.#free = [...this.#pool.slots];
    this.#finder.begin();
  }

  /** Number of contents whose blocks were there already. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /**
   * Makes room for a block.
   *
   * @param length - its size in bytes; 0 before zeros or an end without a block
   * @returns undefined when there is room; else a promise to wait for
   * @throws what made this writer fail
   */
  room(length: number): undefined | Promise<void> {
    this.#throwFailure();
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
    this.#throwFailure();
    this.#seal();
    while (this.#filled.length > 0) await this.#change();
    await this.#pool.end();
    return this.#position;
  }

  /** Makes every waiting and later call throw `error`; the first one stays. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** Ends the threads at once. */
  async abort(reason: unknown): Promise<void> {
    this.fail(reason);
    await this.#pool.end();
  }

  #current(): BlockSlot {
    return this.#open as BlockSlot;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
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
    this.#throwFailure();
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
      await this.#store(slot);
      if (this.#failure !== undefined) return;
      this.#filled.shift();
      slot.clear();
      this.#free.push(slot);
      this.#wake?.();
    }
    this.#draining = false;
  }

  async #store(slot: BlockSlot): Promise<void> {
    const { file, contents, fragments } = this.#setup;
    const { data, control, events } = slot;
    let block = 0;
    let at = 0;
    let written = 0;
    const flush = async (): Promise<void> => {
      if (at > written) await file.write(data.subarray(written, at), this.#position - (at - written));
      written = at;
    };
    for (let i = 0; i < events.length; i += 2) {
      const value = events[i + 1] as number;
      switch (events[i]) {
        case SLOT_EVENT.data: {
          const word = control[++block] as number;
          if (word === 0) {
            this.#addZeros(value);
            break;
          }
          const end = at + (word & BLOCK_SIZE_MASK);
          if (this.#contentStart < 0) this.#contentStart = this.#position;
          contents.pushWord(word);
          this.#finder.addBlock(word, data, at, end);
          this.#position += end - at;
          at = end;
          break;
        }
        case SLOT_EVENT.fragment: {
          const word = control[++block] as number;
          fragments.add(this.#position, word);
          this.#position += word & BLOCK_SIZE_MASK;
          at += word & BLOCK_SIZE_MASK;
          break;
        }
        case SLOT_EVENT.zeros:
          this.#addZeros(value);
          break;
        case SLOT_EVENT.end:
          await this.#endContent(value, flush);
          break;
      }
    }
    await flush();
  }

  #addZeros(bytes: number): void {
    const blocks = Math.ceil(bytes / this.#setup.codec.blockSize);
    this.#setup.contents.pushZeros(blocks);
    this.#finder.addZeros(blocks);
    this.#sparse += bytes;
  }

  /** Settles where a content is. A duplicate's blocks are written already; the next ones overwrite them. */
  async #endContent(ref: number, flush: () => Promise<void>): Promise<void> {
    const { contents, dedupe } = this.#setup;
    const start = this.#contentStart < 0 ? 0 : this.#contentStart;
    const length = this.#contentStart < 0 ? 0 : this.#position - start;
    const original = dedupe ? await this.#findOriginal(ref, start, length, flush) : undefined;
    if (original === undefined) {
      contents.close(ref, start, this.#sparse);
    } else {
      contents.closeAsDuplicate(ref, original);
      this.#position -= length;
      this.#duplicates++;
    }
    this.#contentStart = -1;
    this.#sparse = 0;
    this.#finder.begin();
  }

  async #findOriginal(
    ref: number,
    start: number,
    length: number,
    flush: () => Promise<void>,
  ): Promise<number | undefined> {
    const { file, contents } = this.#setup;
    const candidates = this.#finder.candidates(contents.sizeOf(ref), contents);
    if (candidates.length > 0) await flush();
    const original = candidates.find((candidate) =>
      file.equalRanges(contents.startOf(candidate), start, length),
    );
    if (original === undefined) this.#finder.remember(ref);
    return original;
  }
}
