import { type ByteString, LimitError } from '@ocirender/interface';
import { parseDecimal } from './numbers.ts';
import { impossibleRecord, impossibleRecordError, paxNumber } from './pax-number.ts';

/** What the keys of GNU sparse files begin with. */
export const GNU_SPARSE = 'GNU.sparse.';

/**
 * The `GNU.sparse.*` records of one PAX header, but for the name.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/PAX-0.html
 */
export class PaxSparse {
  major: ByteString | undefined;
  minor: ByteString | undefined;
  /** Apparent size in bytes. */
  size: number | undefined;
  /** Offset and length of each data extent, alternating (formats 0.0 and 0.1). */
  pairs: number[] | undefined;
  readonly #maxExtents: number;

  /**
   * @param maxExtents - the limit `sparseExtents`
   */
  constructor(maxExtents: number) {
    this.#maxExtents = maxExtents;
  }

  /**
   * Takes one record.
   *
   * @param key - begins with {@link GNU_SPARSE}
   * @param value - its value
   * @param offset - where the record is in the stream
   * @returns false for an unknown key
   * @throws {FormatError} when the value is malformed
   * @throws {LimitError} `sparseExtents`
   */
  set(key: ByteString, value: Buffer, offset: number): boolean {
    switch (key.slice(GNU_SPARSE.length)) {
      case 'major':
        this.major = value.toString('latin1');
        return true;
      case 'minor':
        this.minor = value.toString('latin1');
        return true;
      case 'size':
      case 'realsize':
        this.size = this.#number(key, value, offset);
        return true;
      case 'numblocks':
        this.pairs ??= [];
        return true;
      case 'offset':
      case 'numbytes':
        this.#add(key, value, offset);
        return true;
      case 'map':
        this.#setMap(key, value, offset);
        return true;
    }
    return false;
  }

  /** Format 0.0 repeats `offset` and `numbytes`, one after the other. */
  #add(key: ByteString, value: Buffer, offset: number): void {
    this.pairs ??= [];
    const expected = this.pairs.length % 2 === 0 ? 'offset' : 'numbytes';
    if (key !== `${GNU_SPARSE}${expected}`)
      throw impossibleRecordError(impossibleRecord(key, value, offset, `${GNU_SPARSE}${expected} here`));
    this.pairs.push(this.#number(key, value, offset));
    this.#checkExtents(this.pairs.length / 2);
  }

  /** Format 0.1 has them all in one record, with commas. */
  #setMap(key: ByteString, value: Buffer, offset: number): void {
    const texts = value.length === 0 ? [] : value.toString('latin1').split(',');
    this.#checkExtents(texts.length / 2);
    this.pairs = texts.map(parseDecimal);
    if (texts.length % 2 !== 0 || this.pairs.some(Number.isNaN))
      throw impossibleRecordError(impossibleRecord(key, value, offset, 'pairs of whole numbers'));
  }

  #number(key: ByteString, value: Buffer, offset: number): number {
    const number = paxNumber(value, Number.MAX_SAFE_INTEGER);
    if (number !== null && !Number.isNaN(number)) return number;
    throw impossibleRecordError(impossibleRecord(key, value, offset, `0 to ${Number.MAX_SAFE_INTEGER}`));
  }

  #checkExtents(count: number): void {
    if (count <= this.#maxExtents) return;
    throw new LimitError(
      'sparseExtents',
      this.#maxExtents,
      `tar: a sparse file of ${Math.ceil(count)} extents`,
    );
  }
}
