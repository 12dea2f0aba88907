import { type Content, type ContentRef, displayPath, isHole, OcirenderError } from '@ocirender/interface';
import type { BlockWriter } from './block-writer.ts';
import { ContentCutter } from './content-cutter.ts';
import type { ContentTable } from './content-table.ts';
import { MAX_FILE_BLOCKS } from './format.ts';
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
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not `size` bytes,
   * `ERR_OCIRENDER_SINK_SQUASHFS_FILE_SIZE` when they have more than {@link MAX_FILE_BLOCKS} blocks
   */
  write(content: Content, size: number, path: string): ContentRef | Promise<ContentRef> {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${displayPath(path)}: a content of ${size} bytes`);
    }
    if (Math.ceil(size / this.#layout.blockSize) > MAX_FILE_BLOCKS) throw tooLarge(path, size);
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

  #cutter(size: number, path: string): ContentCutter {
    const { blockSize, fragments, tailPacking } = this.#layout;
    const packed = fragments && (tailPacking || size < blockSize) ? size % blockSize : 0;
    const ref = this.#contents.add(size);
    return new ContentCutter(this.#blocks, this.#tail.subarray(0, packed), {
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

function sizeError(path: string, expected: number, actual: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `${displayPath(path)}: the content has ${actual} bytes where ${expected} were announced`,
  );
}

function tooLarge(path: string, size: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_SQUASHFS_FILE_SIZE',
    `${displayPath(path)}: a file of ${size} bytes has more than ${MAX_FILE_BLOCKS} blocks`,
    { hint: 'Choose a larger block size, or another output format.' },
  );
}
