import type { SourceLayer } from '@ocirender/interface';
import { BLOCK_RAW, BLOCK_SIZE_MASK, type COMPRESSOR } from './format.ts';
import { KeptContents, type KeptPiece } from './kept-contents.ts';
import type { BlockDecoder } from './reader/decoder.ts';

/** Reads pieces that were stored before, whose bytes did not come. */
export class KeptPieces {
  readonly #compressor: keyof typeof COMPRESSOR;
  readonly #blockSize: number;
  readonly #layers = new Map<SourceLayer, KeptContents>();
  #decoder: BlockDecoder | undefined;
  /** The fragment block that was decompressed last: its pieces are asked for one after the other. */
  #last: { readonly contents: KeptContents; readonly item: number; readonly bytes: Uint8Array } | undefined;

  /**
   * @param compressor - of the blocks
   * @param blockSize - bytes of a block
   */
  constructor(compressor: keyof typeof COMPRESSOR, blockSize: number) {
    this.#compressor = compressor;
    this.#blockSize = blockSize;
  }

  /**
   * Gives what was kept of a layer's contents.
   *
   * @returns undefined when that is nothing
   */
  of(layer: SourceLayer | undefined): KeptContents | undefined {
    if (layer?.kept === undefined) return undefined;
    let contents = this.#layers.get(layer);
    if (contents === undefined) {
      contents = new KeptContents(layer.kept);
      this.#layers.set(layer, contents);
    }
    return contents;
  }

  /**
   * Reads a piece.
   *
   * @param contents - of its layer
   * @param piece - which
   * @param into - as long as the piece
   * @throws what `kept.reject` gives, when that makes no sense
   */
  async read(contents: KeptContents, piece: KeptPiece, into: Uint8Array): Promise<void> {
    const { item, word, offset } = contents.locate(piece);
    const { kept } = contents;
    if (word === undefined) {
      if (kept.item(item).size !== into.length) throw kept.reject('a piece has a wrong size');
      kept.read(item, into);
      return;
    }
    if (this.#last?.contents !== contents || this.#last.item !== item)
      this.#last = { contents, item, bytes: await this.#fragment(contents, item, word) };
    const bytes = this.#last.bytes.subarray(offset, offset + into.length);
    if (bytes.length !== into.length) throw kept.reject('a piece lies behind the end of its block');
    into.set(bytes);
  }

  async #fragment({ kept }: KeptContents, item: number, word: number): Promise<Uint8Array> {
    const stored = Buffer.allocUnsafeSlow(word & BLOCK_SIZE_MASK);
    kept.read(item, stored);
    if ((word & BLOCK_RAW) !== 0) return stored;
    const { createDecoder } = await import('./reader/decoder.ts');
    this.#decoder ??= createDecoder(this.#compressor, 1);
    try {
      return await this.#decoder.decode(stored, this.#blockSize);
    } catch (error) {
      throw kept.reject(`a block cannot be decompressed: ${(error as Error).message}`);
    }
  }
}
