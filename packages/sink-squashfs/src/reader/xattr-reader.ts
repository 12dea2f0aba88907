import { type ByteString, FormatError, type Xattrs } from '@ocirender/interface';
import { XATTR_PREFIXES } from '../format.ts';
import type { Superblock } from '../superblock.ts';
import type { BlockDecoder } from './decoder.ts';
import type { ImageFile } from './image-file.ts';
import { MAX_XATTR_SET, MAX_XATTR_VALUE } from './limits.ts';
import { LookupTable } from './lookup-table.ts';
import { MetadataCursor, MetadataReader } from './metadata-reader.ts';

/** Type of a name whose value is elsewhere: this bit is set. */
const OUT_OF_LINE = 0x100;

/** Size of the header before the list of blocks. */
const HEADER_SIZE = 16;

/** Size of an entry of the index: position, number of attributes, bytes. */
const ENTRY_SIZE = 16;

/** Bytes of decoded sets to keep. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Metadata blocks to keep. */
const CAPACITY = 64;

/** Bytes that a set takes, with something for each attribute. */
export function xattrBytes(set: Xattrs): number {
  let bytes = 64;
  for (const [name, value] of set) bytes += name.length + value.length + 128;
  return bytes;
}

/** Reads attribute sets by number (format.adoc, "Extended Attribute Table"). */
export class XattrReader {
  readonly #values: MetadataReader;
  readonly #index: LookupTable;
  readonly #sets = new Map<number, Xattrs>();
  #kept = 0;

  private constructor(values: MetadataReader, index: LookupTable) {
    this.#values = values;
    this.#index = index;
  }

  /**
   * Reads the table's header.
   *
   * @throws {FormatError} when it contradicts the superblock
   */
  static async open(
    file: ImageFile,
    decoder: BlockDecoder,
    superblock: Superblock,
    table: number,
  ): Promise<XattrReader> {
    const header = await file.read(table, HEADER_SIZE);
    const start = Number(header.readBigUInt64LE(0));
    if (start <= superblock.idTable || start > table) {
      throw new FormatError(`the attribute table is said to begin at ${start}`, table);
    }
    const values = new MetadataReader(file, decoder, {
      name: 'attribute table',
      start,
      end: table,
      capacity: CAPACITY,
    });
    const index = new LookupTable(file, decoder, {
      name: 'attribute index',
      count: header.readUInt32LE(8),
      entrySize: ENTRY_SIZE,
      start,
      list: table + HEADER_SIZE,
      end: superblock.bytesUsed,
    });
    return new XattrReader(values, index);
  }

  /**
   * Gives a set.
   *
   * @param number - as inodes name it
   * @returns the set; the same object for the same number, as long as it is kept
   * @throws {FormatError} when there is none or it is damaged
   */
  async set(number: number): Promise<Xattrs> {
    const known = this.#sets.get(number);
    if (known !== undefined) return known;
    const entry = await this.#index.entry(number);
    const set = await this.#read(entry.readBigUInt64LE(0), entry.readUInt32LE(8));
    if (this.#kept > KEPT_BYTES) {
      this.#sets.clear();
      this.#kept = 0;
    }
    this.#kept += xattrBytes(set);
    this.#sets.set(number, set);
    return set;
  }

  async #read(ref: bigint, count: number): Promise<Xattrs> {
    const cursor = this.#cursor(ref);
    const set = new Map<ByteString, Uint8Array>();
    let total = 0;
    const add = (bytes: number): void => {
      total += bytes;
      if (total > MAX_XATTR_SET) throw this.#wrong(cursor, `a set of more than ${MAX_XATTR_SET} bytes`);
    };
    for (let i = 0; i < count; i++) {
      const head = await cursor.take(4);
      const type = head.readUInt16LE(0);
      const length = head.readUInt16LE(2);
      const prefix = XATTR_PREFIXES[(type & ~OUT_OF_LINE) as 0] as string | undefined;
      if (prefix === undefined) throw this.#wrong(cursor, `a name of unknown type ${type}`);
      // Counted with something for each, so that empty ones cannot be many.
      add(length + 8);
      const name = prefix + (await cursor.take(length)).toString('latin1');
      if (set.has(name)) throw this.#wrong(cursor, 'a name twice in one set');
      let value = await this.#value(cursor);
      if ((type & OUT_OF_LINE) !== 0) {
        if (value.length !== 8) throw this.#wrong(cursor, 'a reference that is not 8 bytes');
        value = await this.#value(this.#cursor(value.readBigUInt64LE(0)));
      }
      add(value.length);
      set.set(name, new Uint8Array(value));
    }
    return set;
  }

  async #value(cursor: MetadataCursor): Promise<Buffer> {
    const length = (await cursor.take(4)).readUInt32LE(0);
    if (length > MAX_XATTR_VALUE) throw this.#wrong(cursor, `a value of ${length} bytes`);
    return cursor.take(length);
  }

  #cursor(ref: bigint): MetadataCursor {
    return new MetadataCursor(
      this.#values,
      Number(BigInt(this.#values.start) + (ref >> 16n)),
      Number(ref & 0xffffn),
    );
  }

  #wrong(cursor: MetadataCursor, what: string): FormatError {
    return new FormatError(`the attribute table has ${what}`, cursor.position);
  }
}
