import type { PipelineSlot } from '@ocirender/block-pipeline';
import type { ContentRef, KeptWork, WorkRecorder } from '@ocirender/interface';

/** Bytes of a segment: files are compressed in such pieces, each alone. */
export const SEGMENT_SIZE: number = 1024 * 1024;
const BLOCK_SIZE = 4096;
/** Most segments in one slot: a segment has two blocks or more. */
const MAX_SEGMENTS: number = SEGMENT_SIZE / BLOCK_SIZE;
/** Most things in one slot that are copied from elsewhere. */
const MAX_COPIES = 64;
/** For each segment its length; answered by the number of blocks and of extents, and the extents. */
const CONTROL_WORDS: number = 1 + 3 * MAX_SEGMENTS + 2 * (2 * MAX_SEGMENTS);

/** What a segment was compressed to. */
export interface CompressedSegment {
  /** The segment as it came. */
  readonly input: Uint8Array;
  /** Whole blocks. */
  readonly output: Uint8Array;
  /** Pairs of bytes and blocks; 0 blocks = one that is not compressed. */
  readonly extents: Int32Array;
}

/** One thing in a slot, in the order of the output. */
export type SlotEntry =
  /** The next segment; the content that ends with it, and the layer that records it. */
  | { readonly kept?: undefined; readonly end: ContentRef | undefined; readonly origin: SegmentOrigin }
  /** What was compressed before, and the content that ends with it. */
  | {
      readonly kept: KeptWork;
      readonly item: number;
      readonly end: ContentRef | undefined;
      readonly isRaw: boolean;
    };

/** Where a segment comes from. */
export interface SegmentOrigin {
  readonly recorder: WorkRecorder | undefined;
  readonly member: number;
  /** Which one of its content, 0 for the first. */
  readonly number: number;
  /** Whether it is the last one. */
  readonly isLast: boolean;
  /** It is recorded only. */
  readonly isSpare: boolean;
}

/** A batch of segments. Its memory: the segments, compressed blocks, control words. */
export class SegmentSlot implements PipelineSlot {
  readonly index: number;
  readonly memory: readonly [
    input: SharedArrayBuffer,
    output: SharedArrayBuffer,
    control: SharedArrayBuffer,
  ] = [
    new SharedArrayBuffer(SEGMENT_SIZE),
    new SharedArrayBuffer(SEGMENT_SIZE),
    new SharedArrayBuffer(4 * CONTROL_WORDS),
  ];
  readonly entries: SlotEntry[] = [];
  done = false;
  readonly #input = new Uint8Array(this.memory[0]);
  readonly #output = new Uint8Array(this.memory[1]);
  readonly #control = new Int32Array(this.memory[2]);
  /** Where the open segment begins, and how far it reaches. */
  #start = 0;
  #fill = 0;
  #segments = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** Number of segments. */
  get segments(): number {
    return this.#segments;
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** Too many entries to keep waiting for more: what is copied from elsewhere had better begin. */
  get isCrowded(): boolean {
    return this.entries.length - this.#segments >= MAX_COPIES;
  }

  get hasWork(): boolean {
    return this.segments > 0;
  }

  /** Tells whether one more segment of that length fits. */
  hasRoom(length: number): boolean {
    return this.#start + length <= SEGMENT_SIZE;
  }

  /** Adds bytes to the open segment. */
  put(bytes: Uint8Array): void {
    this.#input.set(bytes, this.#fill);
    this.#fill += bytes.length;
  }

  /** Adds zeros to the open segment. */
  zeros(count: number): void {
    this.#input.fill(0, this.#fill, this.#fill + count);
    this.#fill += count;
  }

  /** Closes the open segment. */
  endSegment(end: ContentRef | undefined, origin: SegmentOrigin): void {
    this.entries.push({ end, origin });
    this.#control[++this.#segments] = this.#fill - this.#start;
    this.#control[0] = this.#segments;
    this.#start = Math.ceil(this.#fill / BLOCK_SIZE) * BLOCK_SIZE;
    this.#fill = this.#start;
  }

  /** Adds what was compressed before. */
  putKept(kept: KeptWork, item: number, end: ContentRef | undefined, isRaw: boolean): void {
    this.entries.push({ kept, item, end, isRaw });
  }

  /** What the worker has made. */
  *results(): Generator<CompressedSegment> {
    let answer = 1 + this.segments;
    let start = 0;
    for (let i = 1; i <= this.segments; i++) {
      const length = this.#control[i] as number;
      const blocks = this.#control[answer] as number;
      const words = this.#control[answer + 1] as number;
      yield {
        input: this.#input.subarray(start, start + length),
        output: this.#output.subarray(start, start + blocks * BLOCK_SIZE),
        extents: this.#control.subarray(answer + 2, answer + 2 + words),
      };
      answer += 2 + words;
      start = Math.ceil((start + length) / BLOCK_SIZE) * BLOCK_SIZE;
    }
  }

  clear(): void {
    this.entries.length = 0;
    this.#segments = 0;
    this.#control[0] = 0;
    this.#start = 0;
    this.#fill = 0;
  }
}
