import * as crypto from 'node:crypto';
import type { ByteString, Xattrs } from '@ocirender/interface';
import {
  MAX_SHARED_XATTRS,
  MAX_XATTR_NAME,
  MAX_XATTR_VALUE,
  XATTR_ENTRY_SIZE,
  XATTR_HEADER,
  XATTR_HEADER_SIZE,
  XATTR_PREFIXES,
} from './format.ts';

/** An attribute that more inodes than this have is stored once; so does mkfs.erofs. */
const MAX_COPIES = 2;
/** A larger attribute leaves no room for a tail beside the inode: it is stored apart. */
const MAX_INLINE = 512;

interface Attribute {
  readonly index: number;
  readonly name: ByteString;
  readonly value: Uint8Array;
  /** Bytes of its entry. */
  readonly size: number;
  inodes: number;
  /** Place among the shared attributes in 4-byte units; -1 = not shared. */
  id: number;
}

/** Attributes of the whole tree: those that several inodes have are stored once. */
export class XattrTable {
  readonly #attributes = new Map<string, Attribute>();
  #sharedSize = 0;

  /** Bytes of the shared attributes. */
  get sharedSize(): number {
    return this.#sharedSize;
  }

  /**
   * Counts an inode's attributes.
   *
   * @param xattrs - of one inode
   * @param drop - hears of those that EROFS cannot hold
   * @param share - store them apart anyway: beside the root there is little room
   */
  count(xattrs: Xattrs, drop: (name: ByteString) => void, share = false): void {
    for (const [name, value] of xattrs) {
      const prefix = prefixOf(name, value);
      if (prefix === undefined) {
        drop(name);
        continue;
      }
      const [start, index] = prefix;
      const key = keyOf(name, value);
      const known = this.#attributes.get(key);
      if (known === undefined) {
        const rest = name.slice(start.length);
        const size = alignTo4(XATTR_ENTRY_SIZE + rest.length + value.length);
        const inodes = share ? MAX_COPIES + 1 : 1;
        this.#attributes.set(key, { index, name: rest, value, size, inodes, id: -1 });
      } else known.inodes += share ? MAX_COPIES + 1 : 1;
    }
  }

  /** Decides which attributes are shared, when all are counted. */
  settle(): void {
    const shared = [...this.#attributes].filter(
      ([, { inodes, size }]) => inodes > MAX_COPIES || size > MAX_INLINE,
    );
    for (const [, attribute] of shared.sort(byKey)) {
      attribute.id = this.#sharedSize / 4;
      this.#sharedSize += attribute.size;
    }
  }

  /** Gives the bytes of the shared attributes, entry by entry. */
  *sharedEntries(): Generator<Uint8Array> {
    const shared = [...this.#attributes.values()].filter(({ id }) => id >= 0);
    for (const attribute of shared.sort((a, b) => a.id - b.id)) {
      const entry = new Uint8Array(attribute.size);
      encodeEntry(attribute, entry, 0);
      yield entry;
    }
  }

  /** Bytes that an inode's attributes take behind it; 0 when it has none. */
  sizeOf(xattrs: Xattrs): number {
    if (xattrs.size === 0) return 0;
    const { shared, inline } = this.#split(xattrs);
    if (shared.length + inline.length === 0) return 0;
    return inline.reduce((sum, { size }) => sum + size, XATTR_HEADER_SIZE + 4 * shared.length);
  }

  /**
   * Encodes what stands behind an inode: the header, the numbers of shared attributes, the others.
   *
   * @param xattrs - of the inode
   * @param into - as many bytes as {@link sizeOf} said, zero
   */
  encode(xattrs: Xattrs, into: Uint8Array): void {
    if (into.length === 0) return;
    const { shared, inline } = this.#split(xattrs);
    const view = new DataView(into.buffer, into.byteOffset, into.length);
    view.setUint8(XATTR_HEADER.sharedCount, shared.length);
    let at = XATTR_HEADER_SIZE;
    for (const { id } of shared) {
      view.setUint32(at, id, true);
      at += 4;
    }
    for (const attribute of inline) {
      encodeEntry(attribute, into, at);
      at += attribute.size;
    }
  }

  #split(xattrs: Xattrs): { shared: Attribute[]; inline: Attribute[] } {
    const all: [string, Attribute][] = [];
    for (const [name, value] of xattrs) {
      const key = keyOf(name, value);
      const attribute = this.#attributes.get(key);
      if (attribute !== undefined) all.push([key, attribute]);
    }
    const sorted = all.sort(byKey).map(([, attribute]) => attribute);
    const shared = sorted.filter(({ id }) => id >= 0).slice(0, MAX_SHARED_XATTRS);
    const ids = new Set(shared);
    return { shared, inline: sorted.filter((attribute) => !ids.has(attribute)) };
  }
}

function prefixOf(name: ByteString, value: Uint8Array): readonly [prefix: string, index: number] | undefined {
  if (value.length > MAX_XATTR_VALUE) return undefined;
  return XATTR_PREFIXES.find(([prefix]) => {
    if (!prefix.endsWith('.')) return name === prefix;
    return (
      name.startsWith(prefix) && name.length > prefix.length && name.length - prefix.length <= MAX_XATTR_NAME
    );
  });
}

function keyOf(name: ByteString, value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return `${name}\0${value.length > 64 ? crypto.hash('sha256', bytes, 'hex') : bytes.toString('latin1')}`;
}

function byKey(a: readonly [string, Attribute], b: readonly [string, Attribute]): number {
  return a[0] < b[0] ? -1 : 1;
}

function encodeEntry({ index, name, value }: Attribute, into: Uint8Array, at: number): void {
  into[at] = name.length;
  into[at + 1] = index;
  into[at + 2] = value.length & 0xff;
  into[at + 3] = value.length >>> 8;
  for (let i = 0; i < name.length; i++) into[at + XATTR_ENTRY_SIZE + i] = name.charCodeAt(i);
  into.set(value, at + XATTR_ENTRY_SIZE + name.length);
}

function alignTo4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
