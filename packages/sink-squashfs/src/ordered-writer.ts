import type { OutputFile } from '@ocirender/image-file';
import type { ContentRef } from '@ocirender/interface';
import { type BlockSlot, SLOT_EVENT } from './block-slot.ts';
import type { ContentTable } from './content-table.ts';
import { DuplicateFinder } from './duplicate-finder.ts';
import { BLOCK_SIZE_MASK } from './format.ts';
import type { FragmentTable } from './fragment-table.ts';

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

/**
 * Gives compressed blocks their place in the file, one slot after the other. A content that turns out to be a
 * duplicate when its last block is there gives its place back: the next blocks overwrite it.
 */
export class OrderedWriter {
  readonly #setup: OrderedWriterSetup;
  readonly #finder = new DuplicateFinder();
  #position: number;
  /** Where the current content's first stored block is; negative before there is one. */
  #contentStart = -1;
  #sparse = 0;
  #duplicates = 0;

  constructor(setup: OrderedWriterSetup) {
    this.#setup = setup;
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
    const blocks = Math.ceil(bytes / this.#setup.blockSize);
    this.#setup.contents.pushZeros(blocks);
    this.#finder.addZeros(blocks);
    this.#sparse += bytes;
  }

  /** Settles where a content is. A duplicate's blocks are written already; the next ones overwrite them. */
  async #endContent(ref: ContentRef, flush: () => Promise<void>): Promise<void> {
    const { contents, dedupe } = this.#setup;
    const start = Math.max(this.#contentStart, 0);
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
    ref: ContentRef,
    start: number,
    length: number,
    flush: () => Promise<void>,
  ): Promise<ContentRef | undefined> {
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
