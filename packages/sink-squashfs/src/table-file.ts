import type { OutputFile } from '@ocirender/image-file';
import type { BlockCodec } from './codec.ts';
import { MetadataWriter } from './metadata-writer.ts';

/** Writes the tables after the data, one after the other. */
export class TableFile {
  readonly #file: OutputFile;
  readonly #codec: BlockCodec;
  #position: number;

  /**
   * @param file - the image
   * @param codec - for metadata blocks
   * @param position - where the first table goes, in bytes
   */
  constructor(file: OutputFile, codec: BlockCodec, position: number) {
    this.#file = file;
    this.#codec = codec;
    this.#position = position;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#position;
  }

  /** Writes bytes as they are. */
  async raw(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
  }

  /**
   * Writes a finished sequence of metadata blocks.
   *
   * @returns the position of the first one
   */
  async blocks(writer: MetadataWriter): Promise<number> {
    const start = this.#position;
    for (const piece of await writer.finish()) await this.raw(piece);
    return start;
  }

  /**
   * Writes a lookup table: its entries in metadata blocks, then the list of the blocks' positions
   * (format.adoc, "Storing Lookup Tables").
   *
   * @param entries - the encoded entries
   * @param head - bytes that go before the list, when the table has such
   * @returns the position of what the superblock points to: `head` or the list
   */
  async lookup(entries: Uint8Array, head: Uint8Array = new Uint8Array(0)): Promise<number> {
    const writer = new MetadataWriter(this.#codec);
    await writer.append(entries);
    const start = await this.blocks(writer);
    const position = this.#position;
    const list = new Uint8Array(head.length + 8 * writer.positions.length);
    list.set(head);
    const view = new DataView(list.buffer);
    for (const [i, at] of writer.positions.entries()) {
      view.setBigUint64(head.length + 8 * i, BigInt(start + at), true);
    }
    await this.raw(list);
    return position;
  }
}
