import type { PipelineSlot } from '@ocirender/block-pipeline';
import { MAX_BLOCK_SIZE } from './format.ts';

/** Bytes of blocks that one slot carries to a worker and back. */
export const SLOT_SIZE: number = MAX_BLOCK_SIZE;

/** Most blocks in one slot (short blocks, when fragments are off). */
export const SLOT_BLOCKS = 1024;

/** Most events that one slot records before it is sent on. */
const SLOT_EVENTS = 4096;

/** Most things that are copied from elsewhere: the sooner that begins, the better. */
const SLOT_COPIES = 64;

/** Set in a block's control word: all-zero contents are stored, not made a hole. */
export const KEEP_ZEROS = 0x4000_0000;

/** Set in the control word of a block that is left as it is. */
export const READY = 0x2000_0000;

/** The part of a block's control word that is its length in bytes. */
export const LENGTH_MASK = 0xff_ffff;

/** What a slot records, in the order of the output. Each is followed by one number. */
export const SLOT_EVENT = {
  /** The slot's next block is one of the current content; number: its length in bytes. */
  data: 0,
  /** The slot's next block is a fragment block; number: its index. */
  fragment: 1,
  /** Zero blocks of the current content, without data; number: how many. */
  zeros: 2,
  /** The current content is complete; number: its ref. */
  end: 3,
  /** The slot's next block is not for the image, but for who records; number: its length in bytes. */
  piece: 4,
  /** The next kept content goes to the image; number: its ref. */
  keptContent: 5,
  /** The next kept fragment block goes to the image; number: its index. */
  keptFragment: 6,
} as const;

/**
 * A batch of blocks in shared memory, with the events that say what they are.
 *
 * Its memory: the blocks, side by side; and control words, of which the first is the number of blocks and each further one
 * a block's length. A worker replaces the blocks by their compressed form, and the words by the format's size words; but for those
 * that are {@link READY}.
 */
export class BlockSlot implements PipelineSlot {
  readonly index: number;
  readonly memory: readonly [data: SharedArrayBuffer, control: SharedArrayBuffer] = [
    new SharedArrayBuffer(SLOT_SIZE),
    new SharedArrayBuffer(4 * (SLOT_BLOCKS + 1)),
  ];
  readonly data: Uint8Array = new Uint8Array(this.memory[0]);
  readonly control: Int32Array = new Int32Array(this.memory[1]);
  /** Pairs of {@link SLOT_EVENT} and number. */
  readonly events: number[] = [];
  done = false;
  #fill = 0;
  #blockStart = 0;
  /** Blocks that are not {@link READY}. */
  #unready = 0;
  #copies = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** Number of blocks. */
  get blocks(): number {
    return this.control[0] as number;
  }

  get hasWork(): boolean {
    return this.#unready > 0;
  }

  get isEmpty(): boolean {
    return this.events.length === 0;
  }

  /** Too many events to keep waiting for more blocks. */
  get isCrowded(): boolean {
    return this.events.length >= SLOT_EVENTS || this.#copies >= SLOT_COPIES;
  }

  /** Tells whether one more block of that length fits. */
  hasRoom(length: number): boolean {
    return this.#fill + length <= SLOT_SIZE && this.blocks < SLOT_BLOCKS;
  }

  /** Adds bytes to the open block. */
  put(bytes: Uint8Array): void {
    this.data.set(bytes, this.#fill);
    this.#fill += bytes.length;
  }

  /** Adds zeros to the open block. */
  putZeros(count: number): void {
    this.data.fill(0, this.#fill, this.#fill + count);
    this.#fill += count;
  }

  /** Closes a content's open block. */
  endDataBlock(): void {
    const length = this.#close(0);
    this.events.push(SLOT_EVENT.data, length);
  }

  /** Closes the open block, a fragment block. */
  endFragmentBlock(index: number): void {
    this.#close(KEEP_ZEROS);
    this.events.push(SLOT_EVENT.fragment, index);
  }

  /** Closes the open block, which is not for the image. */
  endPiece(): void {
    const length = this.#fill - this.#blockStart;
    this.#add(length | READY);
    this.events.push(SLOT_EVENT.piece, length);
  }

  /** Adds something that is copied from elsewhere. */
  putKept(event: number, number: number): void {
    this.events.push(event, number);
    this.#copies++;
  }

  clear(): void {
    this.#unready = 0;
    this.#copies = 0;
    this.control[0] = 0;
    this.events.length = 0;
    this.#fill = 0;
    this.#blockStart = 0;
  }

  #close(flags: number): number {
    const length = this.#fill - this.#blockStart;
    this.#add(length | flags);
    this.#unready++;
    return length;
  }

  #add(control: number): void {
    this.#blockStart = this.#fill;
    const count = this.blocks + 1;
    this.control[count] = control;
    this.control[0] = count;
  }
}
