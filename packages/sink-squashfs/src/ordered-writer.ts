import type { OutputFile } from '@ocirender/image-file';
import type { ContentRef, KeptWork } from '@ocirender/interface';
import { type BlockSlot, SLOT_EVENT } from './block-slot.ts';
import type { ContentTable } from './content-table.ts';
import { DuplicateFinder } from './duplicate-finder.ts';
import { BLOCK_SIZE_MASK } from './format.ts';
import type { FragmentTable } from './fragment-table.ts';
import { visitBlocks } from './kept-contents.ts';
import type { WorkLog } from './work-log.ts';

/** What an ordered writer works on. */
export interface OrderedWriterSetup {
  readonly file: OutputFile;
  readonly contents: ContentTable;
  readonly fragments: FragmentTable;
  /** Bytes. */
  readonly blockSize: number;
  /** Position of the first block. */
  readonly start: number;
  /** Store equal contents once. */
  readonly dedupe: boolean;
}

/** Blocks that were compressed before, and are copied. */
export interface KeptItem {
  readonly kept: KeptWork;
  readonly item: number;
  /** A content's as `KeptBlocks` has them; a fragment block's size word. */
  readonly words: Uint32Array;
  /** Of a content. */
  readonly fingerprint: number;
}

/**
 * Gives compressed blocks their place in the file, one slot after the other. A content that turns out to be a
 * duplicate when its last block is there gives its place back: the next blocks overwrite it.
 */
export class OrderedWriter {
  readonly #setup: OrderedWriterSetup;
  readonly #log: WorkLog;
  readonly #finder = new DuplicateFinder();
  #position: number;
  /** Where the current content's first stored block is; negative before there is one. */
  #contentStart = -1;
  #sparse = 0;
  #duplicates = 0;
  /** Those that slots on their way speak of. */
  readonly #kept: KeptItem[] = [];

  /**
   * @param setup - what to work on
   * @param log - says what the blocks are
   */
  constructor(setup: OrderedWriterSetup, log: WorkLog) {
    this.#setup = setup;
    this.#log = log;
    this.#position = setup.start;
    this.#finder.begin();
  }

  /** Where the next block goes. */
  get position(): number {
    return this.#position;
  }

  /** Number of contents whose blocks were there already. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Takes a kept item, of which the next slot speaks. */
  expect(item: KeptItem): void {
    this.#kept.push(item);
  }

  /**
   * Writes a slot's blocks to the file. One call at a time, in the order of the contents.
   *
   * @param slot - compressed
   */
  async store(slot: BlockSlot): Promise<void> {
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
          const { isSpare } = this.#log;
          if (isSpare && at > written) await flush();
          this.#finder.addBlock(word, data, at, end);
          this.#log.block(word, data.subarray(at, end));
          if (isSpare) written = end;
          else {
            if (this.#contentStart < 0) this.#contentStart = this.#position;
            contents.pushWord(word);
            this.#position += end - at;
          }
          at = end;
          break;
        }
        case SLOT_EVENT.fragment: {
          const word = control[++block] as number;
          const end = at + (word & BLOCK_SIZE_MASK);
          fragments.add(this.#position, word);
          this.#log.fragment(value, word, data.subarray(at, end));
          this.#position += end - at;
          at = end;
          break;
        }
        case SLOT_EVENT.piece:
          await flush();
          block++;
          this.#log.piece(data.subarray(at, at + value));
          at += value;
          written = at;
          break;
        case SLOT_EVENT.keptContent:
          if (at > written) await flush();
          await this.#storeKeptContent(value);
          break;
        case SLOT_EVENT.keptFragment: {
          if (at > written) await flush();
          const { kept, item, words } = this.#kept.shift() as KeptItem;
          fragments.add(this.#position, words[0] as number);
          file.copyKept(kept, item, this.#position);
          this.#position += kept.range(item).size;
          break;
        }
        case SLOT_EVENT.zeros:
          this.#addZeros(value);
          break;
        case SLOT_EVENT.end:
          if (this.#log.isSpare) this.#forget();
          else await this.#endContent(value, flush);
          break;
      }
    }
    await Promise.all([flush(), this.#log.settle()]);
  }

  #addZeros(bytes: number): void {
    const blocks = Math.ceil(bytes / this.#setup.blockSize);
    this.#finder.addZeros(blocks);
    this.#log.zeros(bytes);
    if (this.#log.isSpare) return;
    this.#setup.contents.pushZeros(blocks);
    this.#sparse += bytes;
  }

  /** Settles where a content is. A duplicate's blocks are written already; the next ones overwrite them. */
  async #endContent(ref: ContentRef, flush: () => Promise<void>): Promise<void> {
    const { file, contents } = this.#setup;
    const start = Math.max(this.#contentStart, 0);
    const length = this.#contentStart < 0 ? 0 : this.#position - start;
    const { fingerprint } = this.#finder;
    const candidates = this.#candidates(ref, fingerprint);
    if (candidates.length > 0) {
      await flush();
      await file.copied();
    }
    const original = candidates.find((candidate) =>
      file.equalRanges(contents.startOf(candidate), start, length),
    );
    if (original !== undefined) this.#position -= length;
    this.#close(ref, original, start, fingerprint);
    this.#log.endContent(fingerprint);
    this.#contentStart = -1;
    this.#finder.begin();
  }

  /** Ends a content that is recorded only. */
  #forget(): void {
    this.#log.endContent(this.#finder.fingerprint);
    this.#finder.begin();
  }

  /** Stores a content whose blocks are copied; those of a duplicate are not. */
  async #storeKeptContent(ref: ContentRef): Promise<void> {
    const { file, contents, blockSize } = this.#setup;
    const { kept, item, words, fingerprint } = this.#kept.shift() as KeptItem;
    visitBlocks(
      words,
      (word) => contents.pushWord(word),
      (zeros) => {
        contents.pushZeros(Math.ceil(zeros / blockSize));
        this.#sparse += zeros;
      },
    );
    const { size } = kept.range(item);
    const candidates = this.#candidates(ref, fingerprint);
    if (candidates.length > 0) await file.copied();
    const original = candidates.find((candidate) => file.equalsKept(kept, item, contents.startOf(candidate)));
    this.#close(ref, original, size === 0 ? 0 : this.#position, fingerprint);
    if (original !== undefined || size === 0) return;
    file.copyKept(kept, item, this.#position);
    this.#position += size;
  }

  #candidates(ref: ContentRef, fingerprint: number): readonly ContentRef[] {
    const { contents, dedupe } = this.#setup;
    return dedupe ? this.#finder.candidates(fingerprint, contents.sizeOf(ref), contents) : [];
  }

  #close(ref: ContentRef, original: ContentRef | undefined, start: number, fingerprint: number): void {
    const { contents, dedupe } = this.#setup;
    if (original === undefined) {
      contents.close(ref, start, this.#sparse);
      if (dedupe) this.#finder.remember(fingerprint, ref);
    } else {
      contents.closeAsDuplicate(ref, original);
      this.#duplicates++;
    }
    this.#sparse = 0;
  }
}
