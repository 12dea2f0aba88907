import type { WorkRecorder } from '@ocirender/interface';
import { ITEM_KIND } from './kept-contents.ts';

/** An item whose bytes are still on their way to the file. */
export interface LoggedItem {
  /** Its bytes are not for the image. */
  readonly isSpare?: boolean;
  readonly recorder: WorkRecorder;
  readonly members: readonly number[];
  /** See {@link ITEM_KIND}; without what is known only when the bytes are there. */
  readonly words: number[];
}

const HIGH = 0x1_0000_0000;

/**
 * Says of blocks on their way what they are, so that they can be recorded for later sessions. Contents come and go in one order;
 * so do pieces.
 */
export class WorkLog {
  readonly #contents: (LoggedItem | undefined)[] = [];
  readonly #pieces: LoggedItem[] = [];
  readonly #fragments = new Map<number, LoggedItem>();
  readonly #unsettled = new Set<WorkRecorder>();

  /**
   * A content with blocks of its own begins.
   *
   * @param recorder - without one, nothing is recorded of it
   * @param member - index of the archive member
   * @param isSpare - its blocks are recorded only
   */
  beginContent(recorder: WorkRecorder | undefined, member: number, isSpare: boolean): void {
    this.#contents.push(
      recorder === undefined
        ? undefined
        : { recorder, members: [member], words: [ITEM_KIND.blocks, 0], isSpare },
    );
  }

  /** Whether the blocks of the first content are recorded only. */
  get isSpare(): boolean {
    return this.#contents[0]?.isSpare === true;
  }

  /** A fragment block begins. */
  beginFragment(index: number, item: LoggedItem): void {
    this.#fragments.set(index, item);
  }

  /** A piece begins that is stored elsewhere. */
  beginPiece(item: LoggedItem): void {
    this.#pieces.push(item);
  }

  /** A block of the first content is stored. */
  block(word: number, bytes: Uint8Array): void {
    const item = this.#contents[0];
    if (item === undefined) return;
    item.words.push(word);
    this.#append(item, bytes);
  }

  /** Zeros of the first content are not stored. */
  zeros(bytes: number): void {
    this.#contents[0]?.words.push(0, bytes % HIGH, Math.floor(bytes / HIGH));
  }

  /** The first content is complete. */
  endContent(fingerprint: number): void {
    const item = this.#contents.shift();
    if (item === undefined) return;
    item.words[1] = fingerprint;
    item.recorder.end(item.members, item.words);
  }

  /** A fragment block is stored. */
  fragment(index: number, word: number, bytes: Uint8Array): void {
    const item = this.#fragments.get(index);
    if (item === undefined) return;
    this.#fragments.delete(index);
    item.words[1] = word;
    this.#append(item, bytes);
    item.recorder.end(item.members, item.words);
  }

  /** The first piece is there. */
  piece(bytes: Uint8Array): void {
    const item = this.#pieces.shift() as LoggedItem;
    this.#append(item, bytes);
    item.recorder.end(item.members, item.words);
  }

  /** Waits until the bytes are recorded. */
  async settle(): Promise<void> {
    for (const recorder of this.#unsettled) await recorder.settle();
    this.#unsettled.clear();
  }

  #append({ recorder }: LoggedItem, bytes: Uint8Array): void {
    recorder.append(bytes);
    this.#unsettled.add(recorder);
  }
}
