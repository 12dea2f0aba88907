import type { BlockCodec } from './codec.ts';
import { METADATA_RAW, METADATA_SIZE } from './format.ts';

/** Finished metadata blocks are collected in pieces of this many bytes. */
const PIECE_SIZE = 256 * 1024;

/**
 * A place in a sequence of metadata blocks: stored position of the block << 16 | offset in its contents.
 * Below 2^48, so a number holds it.
 */
export type MetadataRef = number;

/** Writes a table as metadata blocks of 8 KiB, each compressed where that makes it smaller. */
export class MetadataWriter {
  readonly #codec: BlockCodec;
  readonly #block = new Uint8Array(METADATA_SIZE);
  readonly #output: Uint8Array;
  readonly #pieces: Uint8Array[] = [];
  /** Positions of the finished blocks from the first one. */
  readonly #positions: number[] = [];
  #piece = new Uint8Array(0);
  #pieceFill = 0;
  #offset = 0;
  #stored = 0;

  /** @param codec - for blocks of at least 8 KiB */
  constructor(codec: BlockCodec) {
    this.#codec = codec;
    this.#output = new Uint8Array(codec.outputSize);
  }

  /** Stored position of the block that is being filled, from the first one, in bytes. */
  get blockPosition(): number {
    return this.#stored;
  }

  /** Offset of the next byte in that block, 0 to 8191. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the next byte will be. */
  get ref(): MetadataRef {
    return this.#stored * 0x1_0000 + this.#offset;
  }

  /** Stored size of all finished blocks in bytes. */
  get storedSize(): number {
    return this.#stored;
  }

  /** Stored positions of the finished blocks, from the first one. */
  get positions(): readonly number[] {
    return this.#positions;
  }

  /**
   * Adds bytes.
   *
   * @param bytes - copied
   * @returns a promise when the compressor is asynchronous and has to be waited for
   */
  append(bytes: Uint8Array): undefined | Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const take = Math.min(METADATA_SIZE - this.#offset, bytes.length - from);
      this.#block.set(take === bytes.length ? bytes : bytes.subarray(from, from + take), this.#offset);
      this.#offset += take;
      from += take;
      if (this.#offset < METADATA_SIZE) return undefined;
      const wait = this.#flush();
      if (wait === undefined) continue;
      // The caller may reuse its memory only after this has settled.
      return wait.then(() => this.append(bytes.subarray(from)));
    }
    return undefined;
  }

  /**
   * Completes the last block.
   *
   * @returns the blocks, in pieces
   */
  async finish(): Promise<readonly Uint8Array[]> {
    if (this.#offset > 0) await this.#flush();
    if (this.#pieceFill > 0) this.#pieces.push(this.#piece.subarray(0, this.#pieceFill));
    this.#pieceFill = 0;
    return this.#pieces;
  }

  #flush(): undefined | Promise<void> {
    const input = this.#block.subarray(0, this.#offset);
    const size = this.#codec.compress(input, this.#output);
    if (typeof size === 'number') return this.#store(size, input);
    return size.then((value) => this.#store(value, input));
  }

  #store(size: number, input: Uint8Array): undefined {
    const bytes = size === 0 ? input : this.#output.subarray(0, size);
    const header = size === 0 ? input.length | METADATA_RAW : size;
    if (this.#pieceFill + 2 + bytes.length > this.#piece.length) {
      if (this.#pieceFill > 0) this.#pieces.push(this.#piece.subarray(0, this.#pieceFill));
      this.#piece = new Uint8Array(PIECE_SIZE);
      this.#pieceFill = 0;
    }
    this.#piece[this.#pieceFill] = header & 0xff;
    this.#piece[this.#pieceFill + 1] = header >> 8;
    this.#piece.set(bytes, this.#pieceFill + 2);
    this.#pieceFill += 2 + bytes.length;
    this.#positions.push(this.#stored);
    this.#stored += 2 + bytes.length;
    this.#offset = 0;
    return undefined;
  }
}
