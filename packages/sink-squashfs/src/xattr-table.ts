import type { ByteString, Xattrs } from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import type { BlockCodec } from './codec.ts';
import { NO_XATTR, XATTR_PREFIXES } from './format.ts';
import { MetadataWriter } from './metadata-writer.ts';
import type { TableFile } from './table-file.ts';

/** Longest attribute name after its prefix, in bytes: a 16-bit field. */
const MAX_XATTR_NAME = 0xffff;

interface StoredSet {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Attribute sets; equal ones are stored once (format.adoc, "Extended Attribute Table"). */
export class XattrTable {
  readonly #byContent = new Map<string, number>();
  readonly #byObject = new Map<Xattrs, number>();
  readonly #sets: StoredSet[] = [];
  readonly #writer = new ByteWriter();

  /** Number of distinct sets. */
  get count(): number {
    return this.#sets.length;
  }

  /**
   * Gives a set's index.
   *
   * @param xattrs - an inode's attributes
   * @param drop - told of each name that squashfs has no place for
   * @returns its index, {@link NO_XATTR} when nothing of it can be stored
   */
  indexOf(xattrs: Xattrs, drop: (name: ByteString) => void): number {
    if (xattrs.size === 0) return NO_XATTR;
    const known = this.#byObject.get(xattrs);
    if (known !== undefined) return known;
    const dropped: ByteString[] = [];
    const index = this.#add(xattrs, dropped);
    for (const name of dropped) drop(name);
    // A set that loses something is looked at again for each of its inodes: each loss is reported.
    if (dropped.length === 0) this.#byObject.set(xattrs, index);
    return index;
  }

  /**
   * Writes the attributes and their index.
   *
   * @returns the position for the superblock; undefined when there are no attributes
   */
  async write(tables: TableFile, codec: BlockCodec): Promise<number | undefined> {
    if (this.#sets.length === 0) return undefined;
    const values = new MetadataWriter(codec);
    const entries = new ByteWriter(16 * this.#sets.length);
    for (const { bytes, count } of this.#sets) {
      entries.u64(values.ref).u32(count).u32(bytes.length);
      await values.append(bytes);
    }
    const start = await tables.blocks(values);
    const head = new ByteWriter(16).u64(start).u32(this.#sets.length).u32(0);
    return tables.lookup(entries.view(), head.view());
  }

  #add(xattrs: Xattrs, dropped: ByteString[]): number {
    const writer = this.#writer.reset();
    let count = 0;
    for (const name of [...xattrs.keys()].sort()) {
      const type = XATTR_PREFIXES.findIndex((prefix) => name.startsWith(prefix));
      const rest = name.slice(XATTR_PREFIXES[type]?.length);
      if (type < 0 || rest.length === 0 || rest.length > MAX_XATTR_NAME) {
        dropped.push(name);
        continue;
      }
      const value = xattrs.get(name) as Uint8Array;
      writer.u16(type).u16(rest.length).string(rest).u32(value.length).bytes(value);
      count++;
    }
    if (count === 0) return NO_XATTR;
    const bytes = writer.view();
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const known = this.#byContent.get(key);
    if (known !== undefined) return known;
    this.#sets.push({ bytes: bytes.slice(), count });
    this.#byContent.set(key, this.#sets.length - 1);
    return this.#sets.length - 1;
  }
}
