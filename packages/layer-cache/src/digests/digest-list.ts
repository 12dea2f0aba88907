import type { ContentDigests } from '@ocirender/overlay';
import { ByteReader } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';

const SUM_BYTES = 32;

/**
 * SHA-256 of contents of a layer, by the index of the archive member. The form in which they are kept: how many, and for each how
 * much larger its index is than the one before (LEB128), and its 32 bytes.
 */
export class DigestList implements ContentDigests {
  readonly #sums = new Map<number, string>();

  /**
   * Reads what {@link encode} wrote.
   *
   * @param bytes - nothing of them is trusted
   * @throws {EntryDamaged} when that cannot be what was written
   */
  static decode(bytes: Buffer): DigestList {
    const list = new DigestList();
    const reader = new ByteReader(bytes);
    let record = -1;
    for (let left = reader.count(); left > 0; left--) {
      const step = reader.number();
      record += step;
      if (step === 0 || !Number.isSafeInteger(record)) throw new EntryDamaged('its members have no order');
      list.#sums.set(record, reader.fixed(SUM_BYTES).toString('latin1'));
    }
    if (reader.left > 0) throw new EntryDamaged('there is something behind its end');
    return list;
  }

  /** How many there are. */
  get size(): number {
    return this.#sums.size;
  }

  get(record: number): string | undefined {
    const sum = this.#sums.get(record);
    return sum === undefined ? undefined : Buffer.from(sum, 'latin1').toString('hex');
  }

  /**
   * Adds those that are not there yet.
   *
   * @param digests - in hexadecimal
   */
  add(digests: ReadonlyMap<number, string>): void {
    for (const [record, digest] of digests) {
      this.#sums.set(record, Buffer.from(digest, 'hex').toString('latin1'));
    }
  }

  encode(): Buffer {
    const writer = new ByteWriter();
    writer.number(this.#sums.size);
    let before = -1;
    for (const [record, sum] of [...this.#sums].sort((a, b) => a[0] - b[0])) {
      writer.number(record - before);
      writer.fixed(Buffer.from(sum, 'latin1'));
      before = record;
    }
    return writer.bytes;
  }
}
