import type { ContentRef } from '@ocirender/interface';
import type { CodecSpec } from './compression.ts';
import { CompressionPool } from './compression-pool.ts';
import type { ContentTable } from './content-table.ts';
import type { ContentWriter } from './content-writer.ts';
import type { DataWriter } from './data-writer.ts';
import { MAX_BLOCKS } from './format.ts';
import type { CompressedSegment, SegmentSlot } from './segment-slot.ts';
import { imageTooLarge } from './unrepresentable.ts';

const BLOCK_SIZE = 4096;

/** What a segment writer works with. */
export interface SegmentWriterSetup {
  readonly codec: CodecSpec;
  readonly threads: number;
  readonly contents: ContentTable;
  readonly data: DataWriter;
  /** Stores what does not get smaller; nobody else uses it. */
  readonly plain: ContentWriter;
}

/**
 * Collects segments in slots, has workers compress them, and has the results written in the order in which the slots
 * were filled: so the image does not depend on the number of threads or on timing.
 *
 * Before a segment is put there must be {@link room} for it.
 */
export class SegmentWriter {
  readonly #setup: SegmentWriterSetup;
  readonly #pool: CompressionPool;
  readonly #free: SegmentSlot[];
  /** Filled slots, oldest first: at work, or waiting to be written. */
  readonly #filled: SegmentSlot[] = [];
  #open: SegmentSlot | undefined;
  #draining = false;
  #wake: (() => void) | undefined;

  constructor(setup: SegmentWriterSetup) {
    this.#setup = setup;
    this.#pool = new CompressionPool(setup.threads, setup.codec, {
      done: () => this.#drain(),
      failed: (error) => this.fail(error),
    });
    this.#free = [...this.#pool.slots];
  }

  /**
   * Makes room for a segment.
   *
   * @param length - its size in bytes
   * @returns undefined when there is room; else a promise to wait for
   */
  room(length: number): undefined | Promise<void> {
    this.#setup.data.check();
    if (this.#open?.hasRoom(length) === true) return undefined;
    this.#seal();
    this.#open = this.#free.pop();
    return this.#open === undefined ? this.#waitForSlot() : undefined;
  }

  /** Adds bytes to the open segment. */
  put(bytes: Uint8Array): void {
    (this.#open as SegmentSlot).put(bytes);
  }

  /** Adds zeros to the open segment. */
  zeros(count: number): void {
    (this.#open as SegmentSlot).zeros(count);
  }

  /** Closes the open segment, with which a content ends. */
  endSegment(content: ContentRef | undefined): void {
    (this.#open as SegmentSlot).endSegment(content);
  }

  /** Waits until everything is written. */
  async settle(): Promise<void> {
    this.#setup.data.check();
    this.#seal();
    while (this.#filled.length > 0) await this.#change();
  }

  /** Makes every waiting and later call throw `error`. */
  fail(error: unknown): void {
    this.#setup.data.fail(error);
    this.#wake?.();
  }

  /** Ends the threads. */
  async end(): Promise<void> {
    await this.#pool.end();
  }

  async #waitForSlot(): Promise<void> {
    for (; this.#open === undefined; this.#open = this.#free.pop()) await this.#change();
  }

  /** Waits until a slot was written or something failed. */
  async #change(): Promise<void> {
    this.#setup.data.check();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    this.#setup.data.check();
  }

  #seal(): void {
    const slot = this.#open;
    if (slot === undefined) return;
    this.#open = undefined;
    if (slot.segments === 0) {
      this.#free.push(slot);
      return;
    }
    this.#filled.push(slot);
    this.#pool.submit(slot);
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drainFilled().then(
      () => {},
      (error: unknown) => this.fail(error),
    );
  }

  async #drainFilled(): Promise<void> {
    for (let slot = this.#filled[0]; slot?.done === true; slot = this.#filled[0]) {
      await this.#store(slot);
      this.#filled.shift();
      slot.clear();
      this.#free.push(slot);
      this.#wake?.();
    }
    this.#draining = false;
  }

  async #store(slot: SegmentSlot): Promise<void> {
    const { contents, plain } = this.#setup;
    let index = 0;
    for (const segment of slot.results()) {
      const ref = slot.ends[index++];
      const isWhole = ref !== undefined && contents.openExtents === 0;
      if (isWhole && segment.output.length >= segment.input.length) {
        // At one go: small contents are closed at any time, and the table has one open content.
        await this.#setup.data.room(Math.ceil(segment.input.length / 65_536) * 65_536);
        await plain.store(ref, segment.input, segment.input.length, '');
        continue;
      }
      await this.#append(segment);
      if (ref !== undefined) contents.closeCompressed(ref);
    }
  }

  async #append({ output, extents }: CompressedSegment): Promise<void> {
    const { contents, data } = this.#setup;
    let address = data.position / BLOCK_SIZE;
    if (address + output.length / BLOCK_SIZE > MAX_BLOCKS) throw imageTooLarge(BLOCK_SIZE);
    for (let i = 0; i < extents.length; i += 2) {
      const blocks = extents[i + 1] as number;
      contents.addExtent(extents[i] as number, address, blocks);
      address += Math.max(blocks, 1);
    }
    await data.append(output);
  }
}
