import { type ByteString, type Entry, type Extent, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import type { HeaderEvent } from '@ocirender/overlay';
import { ByteReader } from '../bytes/byte-reader.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';
import { ALL_FLAGS, FLAG, RECORD, TYPES } from './header-format.ts';

/** Largest user and group id, mode, and device number: 32 bits, 12, 32. */
const MAX_ID = 0xffff_ffff;
const MAX_MODE = 0o7777;
const MAX_NANOSECONDS = 999_999_999;

/**
 * Reads what a `HeaderEncoder` wrote.
 *
 * @param bytes - nothing of them is trusted
 * @returns the events, in order
 * @throws {EntryDamaged} when that cannot be what was written
 */
export function* decodeHeaders(bytes: Buffer): Generator<HeaderEvent> {
  const decoder = new HeaderDecoder(bytes);
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) yield event;
}

class HeaderDecoder {
  readonly #in: ByteReader;
  readonly #xattrs: Xattrs[] = [];
  #path: ByteString = '';

  constructor(bytes: Buffer) {
    this.#in = new ByteReader(bytes);
  }

  next(): HeaderEvent | undefined {
    const record = this.#in.byte();
    if (record === RECORD.end) {
      if (this.#in.left > 0) throw new EntryDamaged('there is something behind its end');
      return undefined;
    }
    if (record !== RECORD.diagnostic) return { type: 'entry', entry: this.#entry(record) };
    const code = Buffer.from(this.#in.data()).toString();
    return { type: 'diagnostic', code, message: Buffer.from(this.#in.data()).toString() };
  }

  #entry(record: number): Entry {
    const type = TYPES[record - 1];
    const flags = this.#in.byte();
    if (type === undefined || flags > ALL_FLAGS) throw new EntryDamaged('a record is of an unknown kind');
    const path = this.#readPath();
    const mode = this.#upTo(MAX_MODE);
    const uid = this.#upTo(MAX_ID);
    const gid = this.#upTo(MAX_ID);
    const time = this.#in.number();
    const size = type === 'file' ? this.#in.number() : 0;
    const entry: Entry = {
      type,
      path,
      size,
      mode,
      uid,
      gid,
      mtime: (flags & FLAG.negativeTime) === 0 ? time : -time,
      mtimeNs: (flags & FLAG.mtimeNs) === 0 ? 0 : this.#upTo(MAX_NANOSECONDS),
      linkTarget: (flags & FLAG.linkTarget) === 0 ? '' : this.#in.string(),
      devMajor: (flags & FLAG.device) === 0 ? 0 : this.#upTo(MAX_ID),
      devMinor: (flags & FLAG.device) === 0 ? 0 : this.#upTo(MAX_ID),
      xattrs: (flags & FLAG.xattrs) === 0 ? NO_XATTRS : this.#readXattrs(),
    };
    if ((flags & FLAG.extents) !== 0) entry.extents = this.#readExtents(size);
    if ((flags & FLAG.extraPax) !== 0) entry.extraPax = this.#readPairs();
    return entry;
  }

  #readPath(): ByteString {
    const same = this.#upTo(this.#path.length);
    this.#path = this.#path.slice(0, same) + this.#in.string();
    return this.#path;
  }

  #readXattrs(): Xattrs {
    const known = this.#upTo(this.#xattrs.length);
    if (known > 0) return this.#xattrs[known - 1]!;
    const xattrs = this.#readPairs();
    this.#xattrs.push(xattrs);
    return xattrs;
  }

  #readPairs(): Map<ByteString, Uint8Array> {
    const pairs = new Map<ByteString, Uint8Array>();
    for (let left = this.#in.count(); left > 0; left--) pairs.set(this.#in.string(), this.#in.data());
    return pairs;
  }

  #readExtents(size: number): Extent[] {
    const extents: Extent[] = [];
    let end = 0;
    for (let left = this.#in.count(); left > 0; left--) {
      const offset = this.#in.number();
      const length = this.#in.number();
      if (offset < end || offset + length > size) throw new EntryDamaged('extents lie over one another');
      end = offset + length;
      extents.push({ offset, length });
    }
    return extents;
  }

  #upTo(maximum: number): number {
    const value = this.#in.number();
    if (value > maximum) throw new EntryDamaged('a number is too large');
    return value;
  }
}
