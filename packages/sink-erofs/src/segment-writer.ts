import { SlotOrder } from '@ocirender/block-pipeline';
import type { ContentRef, KeptWork, WorkRecorder } from '@ocirender/interface';
import type { CodecSpec } from './compression.ts';
import type { ContentTable } from './content-table.ts';
import type { ContentWriter } from './content-writer.ts';
import type { DataWriter } from './data-writer.ts';
import { MAX_BLOCKS } from './format.ts';
import { ITEM_KIND } from './kept-contents.ts';
import { type CompressedSegment, type SegmentOrigin, SegmentSlot, type SlotEntry } from './segment-slot.ts';
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

  /** Closes the open segment, with which a content ends or not. */
  endSegment(content: ContentRef | undefined, origin: SegmentOrigin): void {
    (this.#slots.open as SegmentSlot).endSegment(content, origin);
  }

  /**
   * Makes room for what was compressed before.
   *
   * @returns undefined when there is room; else a promise to wait for
   */
  keptRoom(): undefined | Promise<void> {
    this.#check();
    return this.#slots.open?.isCrowded === false ? undefined : this.#slots.next();
  }

  /** Stores what was compressed before, or, if it is raw, is not compressed: with it a content ends or not. */
  putKept(kept: KeptWork, item: number, content: ContentRef | undefined, isRaw: boolean): void {
    (this.#slots.open as SegmentSlot).putKept(kept, item, content, isRaw);
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
    const recorders = new Set<WorkRecorder>();
    const results = slot.results();
    for (const entry of slot.entries) {
      if (entry.kept === undefined) {
        const segment = results.next().value as CompressedSegment;
        const { recorder } = entry.origin;
        await this.#storeSegment(segment, entry.end, entry.origin);
        if (recorder !== undefined) recorders.add(recorder);
      } else await this.#storeKept(entry);
    }
    for (const recorder of recorders) await recorder.settle();
  }

  async #storeSegment(
    segment: CompressedSegment,
    end: ContentRef | undefined,
    { recorder, member, number, isLast, isSpare }: SegmentOrigin,
  ): Promise<void> {
    const { contents } = this.#setup;
    const { input, output, extents } = segment;
    if (number === 0 && isLast && output.length >= input.length) {
      recorder?.append(input);
      recorder?.end([member], [ITEM_KIND.raw]);
      if (!isSpare) await this.#storePlain(end as ContentRef, input);
      return;
    }
    recorder?.append(output);
    recorder?.end([member], [ITEM_KIND.segment, number, ...extents]);
    if (isSpare) return;
    this.#addExtents(output.length, extents);
    await this.#setup.data.append(output);
    if (end !== undefined) contents.closeCompressed(end);
  }

  async #storeKept({ kept, item, end, isRaw }: SlotEntry & { readonly kept: KeptWork }): Promise<void> {
    const { contents, data } = this.#setup;
    const { words, size } = kept.item(item);
    if (isRaw) {
      const bytes = Buffer.allocUnsafe(size);
      kept.read(item, bytes);
      await this.#storePlain(end as ContentRef, bytes);
      return;
    }
    this.#addExtents(size, words.subarray(2));
    await data.appendKept(kept, item);
    if (end !== undefined) contents.closeCompressed(end);
  }

  /** Stores what does not get smaller. At one go: small contents are closed at any time, and the table has one open content. */
  async #storePlain(ref: ContentRef, bytes: Uint8Array): Promise<void> {
    await this.#setup.data.room(Math.ceil(bytes.length / 65_536) * 65_536);
    await this.#setup.plain.store(ref, bytes, bytes.length, '');
  }

  /** Notes extents that will stand where the next bytes go. */
  #addExtents(size: number, extents: ArrayLike<number>): void {
    const { contents, data } = this.#setup;
    let address = data.position / BLOCK_SIZE;
    if (address + size / BLOCK_SIZE > MAX_BLOCKS) throw imageTooLarge(BLOCK_SIZE);
    for (let i = 0; i < extents.length; i += 2) {
      const blocks = extents[i + 1] as number;
      contents.addExtent(extents[i] as number, address, blocks);
      address += Math.max(blocks, 1);
    }
  }
}
