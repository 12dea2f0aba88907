import { hash } from 'node:crypto';
import type { ByteString, Xattrs } from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import type { BlockCodec } from './codec.ts';
import { NO_XATTR } from './format.ts';
import { MetadataWriter } from './metadata-writer.ts';
import { type StorableXattr, storableXattr } from './storable-xattr.ts';
import type { TableFile } from './table-file.ts';

/** A longer value is known by its digest. */
const LONG_VALUE = 64;

interface StoredSet {
  /** The attributes themselves: encoded when they are written, so that values are in memory once. */
  readonly xattrs: Xattrs;
  readonly count: number;
  /** Bytes once encoded. */
  readonly size: number;
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
    for (const { xattrs, count, size } of this.#sets) {
      entries.u64(values.ref).u32(count).u32(size);
      for (const attribute of storable(xattrs)) {
        await values.append(encodeHead(this.#writer.reset(), attribute));
        await values.append(attribute.value);
      }
    }
    const start = await tables.blocks(values);
    const head = new ByteWriter(16).u64(start).u32(this.#sets.length).u32(0);
    return tables.lookup(entries.view(), head.view());
  }

  #add(xattrs: Xattrs, dropped: ByteString[]): number {
    let count = 0;
    let size = 0;
    let key = '';
    for (const attribute of storable(xattrs, (name) => dropped.push(name))) {
      const { value } = attribute;
      const head = encodeHead(this.#writer.reset(), attribute);
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
      key += Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
      key += value.length > LONG_VALUE ? hash('sha256', bytes, 'hex') : bytes.toString('latin1');
      count++;
      size += head.length + value.length;
    }
    if (count === 0) return NO_XATTR;
    const known = this.#byContent.get(key);
    if (known !== undefined) return known;
    this.#sets.push({ xattrs, count, size });
    this.#byContent.set(key, this.#sets.length - 1);
    return this.#sets.length - 1;
  }
}

/** What can be stored of a set, in its order. */
function* storable(xattrs: Xattrs, drop?: (name: ByteString) => void): Generator<StorableXattr> {
  for (const name of [...xattrs.keys()].sort()) {
    const attribute = storableXattr(name, xattrs.get(name) as Uint8Array);
    if (attribute === undefined) drop?.(name);
    else yield attribute;
  }
}

/** Everything of an attribute but its value. */
function encodeHead(writer: ByteWriter, { type, name, value }: StorableXattr): Uint8Array {
  return writer.u16(type).u16(name.length).string(name).u32(value.length).view();
}
