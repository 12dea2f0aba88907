import { type Extent, FormatError, LimitError } from '@ocirender/interface';
import { GNU_SPARSE_NUMBER_LENGTH } from './format.ts';
import { parseNumber } from './numbers.ts';

/** A checked sparse map. */
export interface SparseMap {
  /** Data extents, ascending, none empty, none touching the next; absent when there is no hole. */
  readonly extents: readonly Extent[] | undefined;
  /** Bytes of data that the archive stores. */
  readonly dataBytes: number;
}

/**
 * Checks a sparse map and brings it into canonical form.
 *
 * @param pairs - offset and length of each data extent, alternating
 * @param size - apparent size of the file in bytes
 * @param offset - where the header is in the stream, for errors
 * @returns the map
 * @throws {FormatError} when extents overlap, are out of order or reach beyond the file
 */
export function normalizeSparseMap(pairs: readonly number[], size: number, offset: number): SparseMap {
  const extents: { offset: number; length: number }[] = [];
  let end = 0;
  let dataBytes = 0;
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const start = pairs[index]!;
    const length = pairs[index + 1]!;
    if (!(start >= end && length >= 0 && start + length <= size)) {
      throw new FormatError('tar: a sparse map that is out of order or beyond the end of its file', offset);
    }
    if (length === 0) continue;
    const last = extents.at(-1);
    if (last !== undefined && start === end) last.length += length;
    else extents.push({ offset: start, length });
    end = start + length;
    dataBytes += length;
  }
  return { extents: dataBytes === size ? undefined : extents, dataBytes };
}

/**
 * Reads extents of an old GNU sparse header or extension block (type `S`). An extent of two zero numbers
 * ends the list.
 *
 * @param block - the block
 * @param start - offset of the first extent
 * @param count - how many the block has room for
 * @param pairs - receives offset and length of each
 * @param offset - where the block is in the stream, for errors
 * @throws {FormatError} for malformed numbers
 */
export function readGnuSparseExtents(
  block: Uint8Array,
  start: number,
  count: number,
  pairs: number[],
  offset: number,
): void {
  for (let index = 0; index < count; index++) {
    const at = start + index * 2 * GNU_SPARSE_NUMBER_LENGTH;
    // An unused slot starts with a NUL; a used one has digits or base-256 in both numbers.
    if (block[at] === 0 && block[at + GNU_SPARSE_NUMBER_LENGTH] === 0) return;
    const from = parseNumber(block, at, GNU_SPARSE_NUMBER_LENGTH);
    const length = parseNumber(block, at + GNU_SPARSE_NUMBER_LENGTH, GNU_SPARSE_NUMBER_LENGTH);
    if (!(from >= 0 && length >= 0)) throw new FormatError('tar: a malformed GNU sparse extent', offset + at);
    pairs.push(from, length);
  }
}

/** Reads the map that GNU sparse format 1.0 puts before the data: decimal lines, padded to whole blocks. */
export class SparseMapReader {
  readonly pairs: number[] = [];
  readonly #maxExtents: number;
  /** Numbers still to come; negative before the count is known. */
  #missing = -1;
  #value = 0;
  #digits = 0;

  /**
   * @param maxExtents - the limit `sparseExtents`
   */
  constructor(maxExtents: number) {
    this.#maxExtents = maxExtents;
  }

  /**
   * Takes the next block of the map.
   *
   * @param block - one block
   * @param offset - where it is in the stream, for errors
   * @returns true when the map is complete; the block's rest is padding
   * @throws {FormatError} when the map is malformed
   * @throws {LimitError} `sparseExtents`
   */
  feed(block: Uint8Array, offset: number): boolean {
    for (let at = 0; at < block.length; at++) {
      const byte = block[at]!;
      if (byte === 0x0a && this.#digits > 0) {
        if (this.#endNumber()) return true;
        continue;
      }
      const digit = byte - 0x30;
      this.#value = this.#value * 10 + digit;
      this.#digits++;
      if (digit < 0 || digit > 9 || this.#value > Number.MAX_SAFE_INTEGER || this.#digits > 20) {
        throw new FormatError('tar: a malformed GNU sparse 1.0 map', offset + at);
      }
    }
    return false;
  }

  #endNumber(): boolean {
    const value = this.#value;
    this.#value = 0;
    this.#digits = 0;
    if (this.#missing >= 0) {
      this.pairs.push(value);
      return --this.#missing === 0;
    }
    if (value > this.#maxExtents) {
      throw new LimitError('sparseExtents', this.#maxExtents, `tar: a sparse file of ${value} extents`);
    }
    this.#missing = value * 2;
    return value === 0;
  }
}
