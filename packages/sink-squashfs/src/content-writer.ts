import { type Content, type ContentRef, displayPath, isHole, OcirenderError } from '@ocirender/interface';
import type { BlockWriter } from './block-writer.ts';
import type { ContentTable } from './content-table.ts';
import type { FragmentPacker } from './fragment-packer.ts';
import { splitPlace } from './fragment-table.ts';

/** How contents are laid out. */
export interface ContentLayout {
  /** Bytes. */
  readonly blockSize: number;
  /** Contents below one block go into fragment blocks. */
  readonly fragments: boolean;
  /** So do the tails of larger ones. */
  readonly tailPacking: boolean;
}

/** Cuts contents into blocks and tails. How a content arrives (whole, in any chunks) makes no difference. */
export class ContentWriter {
  readonly #layout: ContentLayout;
  readonly #contents: ContentTable;
  readonly #blocks: BlockWriter;
  readonly #packer: FragmentPacker;
  readonly #tail: Uint8Array;

  constructor(layout: ContentLayout, contents: ContentTable, blocks: BlockWriter, packer: FragmentPacker) {
    this.#layout = layout;
    this.#contents = contents;
    this.#blocks = blocks;
    this.#packer = packer;
    this.#tail = new Uint8Array(layout.blockSize);
  }

  /**
   * Stores one content.
   *
   * @param content - its bytes
   * @param size - what they must amount to
   * @param path - for messages
   * @returns its number; a promise only when a thread is to be waited for
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not `size` bytes
   */
  write(content: Content, size: number, path: string): ContentRef | Promise<ContentRef> {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${displayPath(path)}: a content of ${size} bytes`);
    }
    if (!(content instanceof Uint8Array)) return this.#writeStream(content, size, path);
    if (content.length !== size) throw sizeError(path, size, content.length);
    if (!this.#layout.fragments || size >= this.#layout.blockSize)
      return this.#writeWhole(content, size, path);
    const ref = this.#contents.add(size);
    const wait = this.#roomForPiece(size);
    if (wait === undefined) {
      this.#pack(ref, content);
      return ref;
    }
    return wait.then(() => {
      this.#pack(ref, content);
      return ref;
    });
  }

  async #writeWhole(content: Uint8Array, size: number, path: string): Promise<ContentRef> {
    const cutter = this.#cutter(size, path);
    await cutter.bytes(content);
    return cutter.end();
  }

  async #writeStream(
    content: AsyncIterable<Uint8Array | { hole: number }>,
    size: number,
    path: string,
  ): Promise<ContentRef> {
    const cutter = this.#cutter(size, path);
    for await (const chunk of content) {
      await (isHole(chunk) ? cutter.hole(chunk.hole) : cutter.bytes(chunk));
    }
    return cutter.end();
  }

  #roomForPiece(length: number): undefined | Promise<void> {
    return this.#packer.hasRoom(length) ? undefined : this.#blocks.room(this.#layout.blockSize);
  }

  #pack(ref: ContentRef, bytes: Uint8Array): void {
    const { fragment, offset } = splitPlace(this.#packer.add(bytes));
    this.#contents.setFragment(ref, fragment, offset);
  }

  #cutter(size: number, path: string): Cutter {
    const { blockSize, fragments, tailPacking } = this.#layout;
    const packed = fragments && (tailPacking || size < blockSize) ? size % blockSize : 0;
    const ref = this.#contents.add(size);
    return new Cutter(this.#blocks, this.#tail.subarray(0, packed), {
      body: size - packed,
      blockSize,
      wrongSize: (actual) => sizeError(path, size, actual),
      end: async () => {
        if (size > packed) {
          await this.#blocks.room(0);
          this.#blocks.endContent(ref);
        }
        if (packed > 0) {
          await this.#roomForPiece(packed);
          this.#pack(ref, this.#tail.subarray(0, packed));
        }
        return ref;
      },
    });
  }
}

interface CutterSetup {
  /** Bytes that go into blocks; the rest is the tail. */
  readonly body: number;
  readonly blockSize: number;
  readonly wrongSize: (actual: number) => OcirenderError;
  readonly end: () => Promise<ContentRef>;
}

/** Takes one content's bytes and holes in turn. */
class Cutter {
  readonly #blocks: BlockWriter;
  readonly #tail: Uint8Array;
  readonly #setup: CutterSetup;
  /** Bytes taken. */
  #taken = 0;
  /** Bytes that the open block still needs. */
  #missing = 0;

  constructor(blocks: BlockWriter, tail: Uint8Array, setup: CutterSetup) {
    this.#blocks = blocks;
    this.#tail = tail;
    this.#setup = setup;
  }

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

function sizeError(path: string, expected: number, actual: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `${displayPath(path)}: the content has ${actual} bytes where ${expected} were announced`,
  );
}
