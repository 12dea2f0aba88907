import { SlotOrder } from '@ocirender/block-pipeline';
import type { OutputFile } from '@ocirender/image-file';
import type { ContentRef } from '@ocirender/interface';
import { BlockSlot, SLOT_EVENT } from './block-slot.ts';
import type { CodecSpec } from './codec.ts';
import { type KeptItem, OrderedWriter, type OrderedWriterSetup } from './ordered-writer.ts';
import { WorkLog } from './work-log.ts';

/** What a block writer works on. */
export interface BlockWriterSetup extends OrderedWriterSetup {
  readonly codec: CodecSpec;
  readonly threads: number;
}

/**
 * Collects blocks in slots, has workers compress them, and has the slots written in the order in which they
 * were filled.
 *
 * Before a block is put there must be {@link room} for it.
 */
export class BlockWriter {
  /** What blocks on their way are. */
  readonly log: WorkLog = new WorkLog();
  readonly #writer: OrderedWriter;
  readonly #file: OutputFile;
  readonly #slots: SlotOrder<BlockSlot, CodecSpec>;

  constructor(setup: BlockWriterSetup) {
    const writer = new OrderedWriter(setup, this.log);
    this.#writer = writer;
    this.#file = setup.file;
    this.#slots = new SlotOrder({
      threads: setup.threads,
      program: '@ocirender/sink-squashfs/compression-worker',
      from: import.meta.url,
      name: 'ocirender-block',
      data: setup.codec,
      work: async () => (await import('./compress-slots.ts')).compressSlots,
      makeSlot: (index) => new BlockSlot(index),
      errorCode: 'ERR_OCIRENDER_SINK_SQUASHFS_COMPRESSOR',
      store: (slot) => writer.store(slot),
    });
  }

  /** Number of contents whose blocks were there already. */
  get duplicates(): number {
    return this.#writer.duplicates;
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
    const { open } = this.#slots;
    if (open?.hasRoom(length) === true && !(length === 0 && open.isCrowded)) return undefined;
    return this.#slots.next();
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

  /** Closes the open block, which is recorded only. Only between contents. */
  endPiece(): void {
    this.#current().endPiece();
  }

  /** Stores a content whose blocks are kept. */
  putKeptContent(ref: ContentRef, item: KeptItem): void {
    this.#writer.expect(item);
    this.#current().putKept(SLOT_EVENT.keptContent, ref);
  }

  /** Stores a fragment block that is kept. Only between contents. */
  putKeptFragment(index: number, item: KeptItem): void {
    this.#writer.expect(item);
    this.#current().putKept(SLOT_EVENT.keptFragment, index);
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
    await this.#slots.settle();
    await this.#slots.end();
    await this.#file.copied();
    return this.#writer.position;
  }

  /** Makes every waiting and later call throw `error`; the first one stays. */
  fail(error: unknown): void {
    this.#slots.fail(error);
  }

  /** Throws what made this writer fail, if anything did. */
  check(): void {
    this.#slots.check();
  }

  /** Ends the threads at once. */
  async abort(reason: unknown): Promise<void> {
    this.fail(reason);
    await this.#slots.end();
  }

  #current(): BlockSlot {
    return this.#slots.open as BlockSlot;
  }
}
