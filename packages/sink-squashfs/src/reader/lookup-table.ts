import { FormatError } from '@ocirender/interface';
import { METADATA_SIZE } from '../format.ts';
import type { BlockDecoder } from './decoder.ts';
import type { ImageFile } from './image-file.ts';
import { MetadataReader } from './metadata-reader.ts';

/** Metadata blocks of one table to keep. */
const CAPACITY = 64;

/** Where a lookup table is. */
export interface LookupTablePlace {
  /** What it is called in messages. */
  readonly name: string;
  /** Number of its entries. */
  readonly count: number;
  /** Size of an entry in bytes; divides 8192. */
  readonly entrySize: number;
  /** First byte that its metadata blocks may have. */
  readonly start: number;
  /** Position of the list of its blocks, in bytes; the blocks come before it. */
  readonly list: number;
  /** The byte behind the list, at most. */
  readonly end: number;
}

/** Reads entries of a table by number (format.adoc, "Storing Lookup Tables"). */
export class LookupTable {
  readonly #file: ImageFile;
  readonly #place: LookupTablePlace;
  readonly #metadata: MetadataReader;
  /** Positions of the blocks that were used, by number. */
  readonly #positions = new Map<number, number>();

  /**
   * @throws {FormatError} when the list has no room for so many entries
   */
  constructor(file: ImageFile, decoder: BlockDecoder, place: LookupTablePlace) {
    this.#file = file;
    this.#place = place;
    const { name, count, entrySize, start, list, end } = place;
    const blocks = Math.ceil((count * entrySize) / METADATA_SIZE);
    if (list + 8 * blocks > end) {
      throw new FormatError(`the ${name} claims ${count} entries, for which there is no room`, list);
    }
    this.#metadata = new MetadataReader(file, decoder, { name, start, end: list, capacity: CAPACITY });
  }

  /**
   * Gives an entry.
   *
   * @param index - its number
   * @returns its bytes
   * @throws {FormatError} when the table has no such entry
   */
  async entry(index: number): Promise<Buffer> {
    const { name, count, entrySize, list } = this.#place;
    if (index >= count) {
      throw new FormatError(`entry ${index} of the ${name} is asked for, which has ${count}`, list);
    }
    const number = Math.floor((index * entrySize) / METADATA_SIZE);
    const at = this.#positions.get(number) ?? (await this.#position(number));
    const { data, position } = await this.#metadata.block(at);
    const offset = (index * entrySize) % METADATA_SIZE;
    if (offset + entrySize > data.length) {
      throw new FormatError(`entry ${index} of the ${name} is missing`, position);
    }
    return data.subarray(offset, offset + entrySize);
  }

  async #position(number: number): Promise<number> {
    const at = this.#place.list + 8 * number;
    const position = Number((await this.#file.read(at, 8)).readBigUInt64LE(0));
    if (position < this.#place.start || position >= this.#place.list) {
      throw new FormatError(`a block of the ${this.#place.name} is said to be at ${position}`, at);
    }
    this.#positions.set(number, position);
    return position;
  }
}
