import type { ContentRef, OcirenderError } from '@ocirender/interface';
import type { BlockWriter } from './block-writer.ts';

/** What a cutter is told of its content. */
export interface ContentCutterSetup {
  /** Bytes that go into blocks; the rest is the tail. */
  readonly body: number;
  readonly blockSize: number;
  /** Makes the error for a content of another size than announced. */
  readonly wrongSize: (actual: number) => OcirenderError;
  /** Completes the content when all its bytes have come. */
  readonly end: () => Promise<ContentRef>;
}

/** Cuts one content into blocks and a tail while its bytes and holes come in. */
export class ContentCutter {
  readonly #blocks: BlockWriter;
  readonly #tail: Uint8Array;
  readonly #setup: ContentCutterSetup;
  /** Bytes taken. */
  #taken = 0;
  /** Bytes that the open block still needs. */
  #missing = 0;

  constructor(blocks: BlockWriter, tail: Uint8Array, setup: ContentCutterSetup) {
    this.#blocks = blocks;
    this.#tail = tail;
    this.#setup = setup;
  }

  /** Takes bytes; the caller may reuse their memory afterwards. */
  async bytes(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.length; ) {
      const wait = this.#openBlock(chunk.length - from);
      if (wait !== undefined) await wait;
      const take = Math.min(chunk.length - from, this.#missing || chunk.length);
      const part = from === 0 && take === chunk.length ? chunk : chunk.subarray(from, from + take);
      if (this.#missing === 0) this.#tail.set(part, this.#taken - this.#setup.body);
      else this.#blocks.put(part);
      this.#advance(take);
      from += take;
    }
  }

  /** Takes a run of zeros. */
  async hole(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const zeros = this.#wholeZeros(left);
      if (zeros > 0) {
        await this.#blocks.room(0);
        this.#blocks.zeros(zeros);
        this.#taken += zeros;
        left -= zeros;
        continue;
      }
      await this.#openBlock(left);
      const take = Math.min(left, this.#missing || left);
      const at = this.#taken - this.#setup.body;
      if (this.#missing === 0) this.#tail.fill(0, at, at + take);
      else this.#blocks.putZeros(take);
      this.#advance(take);
      left -= take;
    }
  }

  /** Ends the content. */
  async end(): Promise<ContentRef> {
    const size = this.#setup.body + this.#tail.length;
    if (this.#taken !== size) throw this.#setup.wrongSize(this.#taken);
    return this.#setup.end();
  }

  /** Bytes of a hole that are blocks of their own, the last one perhaps short. */
  #wholeZeros(hole: number): number {
    const { body, blockSize } = this.#setup;
    const left = body - this.#taken;
    if (this.#missing > 0 || left <= 0) return 0;
    return hole >= left ? left : hole - (hole % blockSize);
  }

  /** Opens a block if the next bytes need one; checks that the content may still grow. */
  #openBlock(coming: number): undefined | Promise<void> {
    const { body, blockSize } = this.#setup;
    const size = body + this.#tail.length;
    if (this.#taken + coming > size) throw this.#setup.wrongSize(this.#taken + coming);
    if (this.#missing > 0 || this.#taken >= body) return undefined;
    this.#missing = Math.min(blockSize, body - this.#taken);
    return this.#blocks.room(this.#missing);
  }

  #advance(count: number): void {
    this.#taken += count;
    if (this.#missing === 0) return;
    this.#missing -= count;
    if (this.#missing === 0) this.#blocks.endDataBlock();
  }
}
