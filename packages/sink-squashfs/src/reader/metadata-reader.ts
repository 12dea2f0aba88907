import { FormatError } from '@ocirender/interface';
import { METADATA_RAW, METADATA_SIZE } from '../format.ts';
import type { BlockDecoder } from './decoder.ts';
import type { ImageFile } from './image-file.ts';
import { ReadAhead } from './read-ahead.ts';

/** A metadata block. */
export interface MetadataBlock {
  /** Position in the image, in bytes. */
  readonly position: number;
  /** Contents, 1 to 8192 bytes. */
  readonly data: Buffer;
  /** Position of the block that follows. */
  readonly next: number;
}

/** Told of each piece that a cursor takes: from which block, how many bytes. */
export type Usage = (block: MetadataBlock, length: number) => void;

/** Reads one table's metadata blocks (format.adoc, "Storing Meta Data"); keeps those that were used last. */
export class MetadataReader {
  /** What the table is called in messages. */
  readonly name: string;
  /** First byte of the table in the image. */
  readonly start: number;
  /** The byte behind it. */
  readonly end: number;
  readonly #decoder: BlockDecoder;
  readonly #ahead: ReadAhead;
  readonly #blocks = new Map<number, MetadataBlock>();
  readonly #capacity: number;

  /**
   * @param capacity - blocks to keep, 8 KiB each
   */
  constructor(
    file: ImageFile,
    decoder: BlockDecoder,
    table: { readonly name: string; readonly start: number; readonly end: number; readonly capacity: number },
  ) {
    this.name = table.name;
    this.start = table.start;
    this.end = table.end;
    this.#decoder = decoder;
    this.#ahead = new ReadAhead(file, { minimum: 16_384, maximum: 262_144, prefetch: false });
    this.#capacity = table.capacity;
  }

  /**
   * Gives a block.
   *
   * @param position - in the image, in bytes
   * @throws {FormatError} when there is none
   */
  block(position: number): MetadataBlock | Promise<MetadataBlock> {
    const known = this.#blocks.get(position);
    if (known === undefined) return this.#load(position);
    this.#blocks.delete(position);
    this.#blocks.set(position, known);
    return known;
  }

  async #load(position: number): Promise<MetadataBlock> {
    if (position < this.start || position + 2 > this.end) {
      throw new FormatError(`a reference leads out of the ${this.name}`, position);
    }
    const stored = await this.#ahead.read(position, Math.min(2 + METADATA_SIZE, this.end - position));
    const header = stored.readUInt16LE(0);
    const size = header & ~METADATA_RAW;
    if (size === 0 || size > METADATA_SIZE || 2 + size > stored.length) {
      throw new FormatError(`a metadata block of the ${this.name} claims ${size} bytes`, position);
    }
    const bytes = stored.subarray(2, 2 + size);
    // Copied or decompressed, so that what is kept does not hold on to what was read around it.
    const data = (header & METADATA_RAW) !== 0 ? Buffer.from(bytes) : await this.#inflate(bytes, position);
    const block = { position, data, next: position + 2 + size };
    this.#blocks.set(position, block);
    if (this.#blocks.size > this.#capacity) {
      for (const oldest of this.#blocks.keys()) {
        this.#blocks.delete(oldest);
        break;
      }
    }
    return block;
  }

  async #inflate(stored: Uint8Array, position: number): Promise<Buffer> {
    let data: Uint8Array;
    try {
      data = await this.#decoder.decode(stored, METADATA_SIZE);
    } catch (cause) {
      throw new FormatError(`a metadata block of the ${this.name} cannot be decompressed`, position, {
        cause,
      });
    }
    if (data.length === 0) throw new FormatError(`a metadata block of the ${this.name} is empty`, position);
    return Buffer.from(data.buffer, data.byteOffset, data.length);
  }
}

/** Reads on and on through a table's contents, from block to block. */
export class MetadataCursor {
  readonly #reader: MetadataReader;
  readonly #usage: Usage | undefined;
  #position: number;
  #offset: number;
  #block: MetadataBlock | undefined;

  /**
   * @param reader - of the table
   * @param position - of the block in the image, in bytes
   * @param offset - in that block's contents
   * @param usage - told of what is taken
   */
  constructor(reader: MetadataReader, position: number, offset: number, usage?: Usage) {
    this.#reader = reader;
    this.#position = position;
    this.#offset = offset;
    this.#usage = usage;
  }

  /** Position in the image of the block that the cursor is in, in bytes. */
  get position(): number {
    return this.#position;
  }

  /** Offset in that block's contents. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Takes bytes.
   *
   * @param length - in bytes; the caller has checked it against a limit
   * @returns them, not to be changed; not a promise when they are at hand
   */
  take(length: number): Buffer | Promise<Buffer> {
    const block = this.#block;
    if (block === undefined || this.#offset + length > block.data.length) return this.#collect(length);
    const bytes = block.data.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    this.#usage?.(block, length);
    return bytes;
  }

  async #collect(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const block = this.#block ?? (await this.#reader.block(this.#position));
      this.#block = block;
      if (this.#offset > block.data.length) {
        throw new FormatError(
          `a reference leads to byte ${this.#offset} of a block of ${block.data.length} in the ${this.#reader.name}`,
          block.position,
        );
      }
      const part = block.data.subarray(this.#offset, this.#offset + left);
      if (part.length > 0) {
        parts.push(part);
        left -= part.length;
        this.#offset += part.length;
        this.#usage?.(block, part.length);
      }
      if (left > 0) {
        this.#block = undefined;
        this.#position = block.next;
        this.#offset = 0;
      }
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}
