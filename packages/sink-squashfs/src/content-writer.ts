import {
  type Content,
  type ContentInfo,
  type ContentRef,
  displayPath,
  isHole,
  type KeptWork,
  OcirenderError,
} from '@ocirender/interface';
import type { BlockWriter } from './block-writer.ts';
import { ContentCutter } from './content-cutter.ts';
import type { ContentTable } from './content-table.ts';
import { BLOCK_SIZE_MASK, MAX_FILE_BLOCKS } from './format.ts';
import type { FragmentPacker } from './fragment-packer.ts';
import { type FragmentPlace, splitPlace } from './fragment-table.ts';
import { type KeptContents, visitBlocks } from './kept-contents.ts';
import type { KeptPieces } from './kept-pieces.ts';

/** Of a content that is not stored: nobody refers to it. */
const NO_REF: ContentRef = 0;

/** How contents are laid out. */
export interface ContentLayout {
  /** Bytes. */
  readonly blockSize: number;
  /** Contents below one block go into fragment blocks. */
  readonly fragments: boolean;
  /** So do the tails of larger ones. */
  readonly tailPacking: boolean;
}

/** What a content writer works with. */
export interface ContentWriterSetup extends ContentLayout {
  readonly contents: ContentTable;
  readonly blocks: BlockWriter;
  readonly packer: FragmentPacker;
  readonly kept: KeptPieces;
}

/** Cuts contents into blocks and tails. How a content arrives (whole, in any chunks, or not at all) makes no difference. */
export class ContentWriter {
  readonly #setup: ContentWriterSetup;
  readonly #contents: ContentTable;
  readonly #blocks: BlockWriter;
  readonly #packer: FragmentPacker;
  readonly #tail: Uint8Array;

  constructor(setup: ContentWriterSetup) {
    this.#setup = setup;
    this.#contents = setup.contents;
    this.#blocks = setup.blocks;
    this.#packer = setup.packer;
    this.#tail = new Uint8Array(setup.blockSize);
  }

  /**
   * Stores one content.
   *
   * @param content - its bytes; not looked at when they are among the layer's kept work
   * @param info - size, path (for messages), and where it comes from
   * @returns its number; a promise only when a thread is to be waited for
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not `size` bytes,
   * `ERR_OCIRENDER_SINK_SQUASHFS_FILE_SIZE` when they have more than {@link MAX_FILE_BLOCKS} blocks
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const { size, placement, layer, member } = info;
    const { blockSize, fragments, kept } = this.#setup;
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `${displayPath(placement.path)}: a content of ${size} bytes`,
      );
    }
    if (Math.ceil(size / blockSize) > MAX_FILE_BLOCKS) {
      if (info.isSpare === true) return NO_REF;
      throw tooLarge(placement.path, size);
    }
    if (member !== undefined && layer?.kept?.has(member) === true)
      return this.#writeKept(kept.of(layer) as KeptContents, info, member);
    if (!(content instanceof Uint8Array)) return this.#writeStream(content, info);
    if (content.length !== size) throw sizeError(placement.path, size, content.length);
    if (!fragments || size >= blockSize) return this.#writeWhole(content, info);
    if (info.isSpare === true) return this.#recorded(content, info);
    const ref = this.#contents.add(size);
    return this.#placed(ref, this.#packer.add(content, info));
  }

  async #writeWhole(content: Uint8Array, info: ContentInfo): Promise<ContentRef> {
    const cutter = this.#cutter(info);
    await cutter.bytes(content);
    return cutter.end();
  }

  async #writeStream(
    content: AsyncIterable<Uint8Array | { hole: number }>,
    info: ContentInfo,
  ): Promise<ContentRef> {
    const cutter = this.#cutter(info);
    for await (const chunk of content) {
      await (isHole(chunk) ? cutter.hole(chunk.hole) : cutter.bytes(chunk));
    }
    return cutter.end();
  }

  #writeKept(contents: KeptContents, info: ContentInfo, member: number): ContentRef | Promise<ContentRef> {
    const { size } = info;
    const packed = this.#packed(size);
    const ref = this.#contents.add(size);
    return size > packed
      ? this.#writeKeptBlocks(ref, contents, info, member, packed)
      : this.#writeKeptPiece(ref, contents, info, member, packed);
  }

  #writeKeptPiece(
    ref: ContentRef,
    contents: KeptContents,
    info: ContentInfo,
    member: number,
    length: number,
  ): ContentRef | Promise<ContentRef> {
    const piece = contents.piece(member);
    if (piece?.length !== length) throw contents.kept.reject('a piece is missing, or has a wrong size');
    return this.#placed(ref, this.#packer.addKept(piece, info));
  }

  #writeKeptBlocks(
    ref: ContentRef,
    contents: KeptContents,
    info: ContentInfo,
    member: number,
    packed: number,
  ): ContentRef | Promise<ContentRef> {
    const { kept } = contents;
    const blocks = contents.blocks(member);
    if (blocks === undefined) throw kept.reject('blocks are missing');
    this.#checkBlocks(blocks.words, kept.item(blocks.item).size, info.size - packed, kept);
    const put = (): ContentRef | Promise<ContentRef> => {
      this.#blocks.putKeptContent(ref, { kept, ...blocks });
      return packed > 0 ? this.#writeKeptPiece(ref, contents, info, member, packed) : ref;
    };
    const wait = this.#blocks.room(0);
    return wait === undefined ? put() : wait.then(put);
  }

  /** Makes sure that kept blocks are those of a content of so many bytes. */
  #checkBlocks(words: Uint32Array, stored: number, size: number, kept: KeptWork): void {
    const { blockSize } = this.#setup;
    let bytes = 0;
    let count = 0;
    visitBlocks(
      words,
      (word) => {
        const length = word & BLOCK_SIZE_MASK;
        if (length > blockSize) throw kept.reject('a block has a wrong size');
        bytes += length;
        count++;
      },
      (zeros) => {
        count += Math.ceil(zeros / blockSize);
      },
    );
    if (count !== Math.ceil(size / blockSize) || bytes !== stored)
      throw kept.reject('a content has a wrong number of blocks');
  }

  /** Records a piece that the image does not show. */
  #recorded(piece: Uint8Array, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const waiting = this.#packer.addSpare(piece, info);
    return waiting === undefined ? NO_REF : waiting.then(() => NO_REF);
  }

  /** Notes where a content's piece is. */
  #placed(ref: ContentRef, place: FragmentPlace | Promise<FragmentPlace>): ContentRef | Promise<ContentRef> {
    if (typeof place !== 'number') return place.then((settled) => this.#setPlace(ref, settled));
    return this.#setPlace(ref, place);
  }

  #setPlace(ref: ContentRef, place: FragmentPlace): ContentRef {
    const { fragment, offset } = splitPlace(place);
    this.#contents.setFragment(ref, fragment, offset);
    return ref;
  }

  /** Bytes of a content that go into a fragment block. */
  #packed(size: number): number {
    const { blockSize, fragments, tailPacking } = this.#setup;
    return fragments && (tailPacking || size < blockSize) ? size % blockSize : 0;
  }

  #cutter(info: ContentInfo): ContentCutter {
    const { size, placement, layer, member, isSpare = false } = info;
    const packed = this.#packed(size);
    const ref = isSpare ? NO_REF : this.#contents.add(size);
    if (size > packed) this.#blocks.log.beginContent(layer?.recorder, member ?? 0, isSpare);
    return new ContentCutter(this.#blocks, this.#tail.subarray(0, packed), {
      body: size - packed,
      blockSize: this.#setup.blockSize,
      wrongSize: (actual) => sizeError(placement.path, size, actual),
      end: async () => {
        if (size > packed) {
          await this.#blocks.room(0);
          this.#blocks.endContent(ref);
        }
        if (packed === 0) return ref;
        const tail = this.#tail.subarray(0, packed);
        return isSpare ? this.#recorded(tail, info) : this.#placed(ref, this.#packer.add(tail, info));
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
