import { SlotOrder } from '@ocirender/block-pipeline';
import type { ContentRef } from '@ocirender/interface';
import type { CodecSpec } from './compression.ts';
import type { ContentTable } from './content-table.ts';
import type { ContentWriter } from './content-writer.ts';
import type { DataWriter } from './data-writer.ts';
import { MAX_BLOCKS } from './format.ts';
import { type CompressedSegment, SegmentSlot } from './segment-slot.ts';
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
 * were filled.
 *
 * Before a segment is put there must be {@link room} for it.
 */
export class SegmentWriter {
  readonly #setup: SegmentWriterSetup;
  readonly #slots: SlotOrder<SegmentSlot, CodecSpec>;

  constructor(setup: SegmentWriterSetup) {
    this.#setup = setup;
    this.#slots = new SlotOrder({
      threads: setup.threads,
      program: '@ocirender/sink-erofs/compression-worker',
      from: import.meta.url,
      name: 'ocirender-block',
      data: setup.codec,
      work: async () => (await import('./compress-slots.ts')).compressSlots,
      makeSlot: (index) => new SegmentSlot(index),
      errorCode: 'ERR_OCIRENDER_SINK_EROFS_COMPRESSOR',
      store: (slot) => this.#store(slot),
    });
  }

  /**
   * Makes room for a segment.
   *
   * @param length - its size in bytes
   * @returns undefined when there is room; else a promise to wait for
   */
  room(length: number): undefined | Promise<void> {
    this.#check();
    return this.#slots.open?.hasRoom(length) === true ? undefined : this.#slots.next();
  }

  /** Adds bytes to the open segment. */
  put(bytes: Uint8Array): void {
    (this.#slots.open as SegmentSlot).put(bytes);
  }

  /** Adds zeros to the open segment. */
  zeros(count: number): void {
    (this.#slots.open as SegmentSlot).zeros(count);
  }

  /** Closes the open segment, with which a content ends. */
  endSegment(content: ContentRef | undefined): void {
    (this.#slots.open as SegmentSlot).endSegment(content);
  }

  /** Waits until everything is written. */
  async settle(): Promise<void> {
    this.#check();
    await this.#slots.settle();
    this.#check();
  }

  /** Makes every waiting and later call throw `error`. */
  fail(error: unknown): void {
    this.#setup.data.fail(error);
    this.#slots.fail(error);
  }

  /** Ends the threads. */
  async end(): Promise<void> {
    await this.#slots.end();
  }

  #check(): void {
    this.#setup.data.check();
    this.#slots.check();
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
