import { FormatError } from '@ocirender/interface';
import { SUPERBLOCK } from '../format.ts';
import { type StoredBlock, storedBlock } from './block-plan.ts';
import type { LookupTable } from './lookup-table.ts';

/** Bytes of decoded fragment blocks to keep. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Reads fragment blocks, which hold the tails of many files (format.adoc, "Fragment Table"); keeps the last ones. */
export class FragmentReader {
  readonly #table: LookupTable | undefined;
  readonly #limits: { readonly blockSize: number; readonly end: number };
  readonly #decode: (block: StoredBlock) => Promise<Uint8Array>;
  readonly #kept = new Map<number, Promise<Uint8Array>>();

  /**
   * @param table - undefined when the image has none
   * @param limits - the block size and the image's end, in bytes
   * @param decode - gives the contents of a block, to keep
   */
  constructor(
    table: LookupTable | undefined,
    limits: { readonly blockSize: number; readonly end: number },
    decode: (block: StoredBlock) => Promise<Uint8Array>,
  ) {
    this.#table = table;
    this.#limits = limits;
    this.#decode = decode;
  }

  /**
   * Tells where a fragment block is.
   *
   * @param number - as inodes name it
   * @throws {FormatError} when there is none
   */
  static async locate(
    table: LookupTable | undefined,
    number: number,
    limits: { readonly blockSize: number; readonly end: number },
  ): Promise<StoredBlock> {
    if (table === undefined) {
      throw new FormatError(
        `fragment ${number} is asked for, but the image has no fragments`,
        SUPERBLOCK.fragmentTable,
      );
    }
    const entry = await table.entry(number);
    const position = entry.readBigUInt64LE(0);
    if (position > BigInt(limits.end)) {
      throw new FormatError(`fragment ${number} is said to be at ${position}`, limits.end);
    }
    return storedBlock(entry.readUInt32LE(8), Number(position), limits);
  }

  /**
   * Gives a fragment block's contents.
   *
   * @param number - as inodes name it
   * @throws {FormatError} when there is none or it is damaged
   */
  block(number: number): Promise<Uint8Array> {
    const known = this.#kept.get(number);
    if (known !== undefined) {
      this.#kept.delete(number);
      this.#kept.set(number, known);
      return known;
    }
    const block = FragmentReader.locate(this.#table, number, this.#limits).then(this.#decode);
    this.#kept.set(number, block);
    if (this.#kept.size > Math.max(4, KEPT_BYTES / this.#limits.blockSize)) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    return block;
  }
}
