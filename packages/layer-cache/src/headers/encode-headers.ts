import type { ByteString, Entry, Xattrs } from '@ocirender/interface';
import { type HeaderEvent, XattrPool } from '@ocirender/overlay';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { FLAG, RECORD, TYPES } from './header-format.ts';

/** Writes the headers of a layer in the form of {@link RECORD}. */
export class HeaderEncoder {
  readonly #out = new ByteWriter();
  readonly #xattrs = new XattrPool();
  /** Sets of attributes so far. */
  #sets = 0;
  #path: ByteString = '';

  /** Adds the next event. */
  add(event: HeaderEvent): void {
    if (event.type === 'entry') {
      this.#entry(event.entry);
      return;
    }
    this.#out.byte(RECORD.diagnostic);
    this.#out.data(Buffer.from(event.code));
    this.#out.data(Buffer.from(event.message));
  }

  /**
   * Ends it.
   *
   * @returns all bytes
   */
  finish(): Buffer {
    this.#out.byte(RECORD.end);
    return this.#out.bytes;
  }

  #entry(entry: Entry): void {
    const out = this.#out;
    out.byte(TYPES.indexOf(entry.type) + 1);
    out.byte(flagsOf(entry));
    this.#writePath(entry.path);
    out.number(entry.mode);
    out.number(entry.uid);
    out.number(entry.gid);
    out.number(Math.abs(entry.mtime));
    if (entry.type === 'file') out.number(entry.size);
    if (entry.mtimeNs !== 0) out.number(entry.mtimeNs);
    if (entry.linkTarget !== '') out.string(entry.linkTarget);
    if (entry.devMajor !== 0 || entry.devMinor !== 0) {
      out.number(entry.devMajor);
      out.number(entry.devMinor);
    }
    if (entry.xattrs.size > 0) this.#writeXattrs(entry.xattrs);
    if (entry.extents !== undefined) {
      out.number(entry.extents.length);
      for (const { offset, length } of entry.extents) {
        out.number(offset);
        out.number(length);
      }
    }
    if (entry.extraPax !== undefined) this.#writePairs(entry.extraPax);
  }

  #writePath(path: ByteString): void {
    const before = this.#path;
    let same = 0;
    while (same < before.length && same < path.length && before.charCodeAt(same) === path.charCodeAt(same))
      same++;
    this.#out.number(same);
    this.#out.string(path.slice(same));
    this.#path = path;
  }

  #writeXattrs(xattrs: Xattrs): void {
    const index = this.#xattrs.add(xattrs);
    const isNew = index > this.#sets;
    this.#out.number(isNew ? 0 : index);
    if (!isNew) return;
    this.#sets = index;
    this.#writePairs(xattrs);
  }

  #writePairs(pairs: ReadonlyMap<ByteString, Uint8Array>): void {
    this.#out.number(pairs.size);
    for (const [key, value] of pairs) {
      this.#out.string(key);
      this.#out.data(value);
    }
  }
}

function flagsOf(entry: Entry): number {
  return (
    (entry.mtimeNs === 0 ? 0 : FLAG.mtimeNs) |
    (entry.linkTarget === '' ? 0 : FLAG.linkTarget) |
    (entry.devMajor === 0 && entry.devMinor === 0 ? 0 : FLAG.device) |
    (entry.xattrs.size === 0 ? 0 : FLAG.xattrs) |
    (entry.extents === undefined ? 0 : FLAG.extents) |
    (entry.extraPax === undefined ? 0 : FLAG.extraPax) |
    (entry.mtime < 0 ? FLAG.negativeTime : 0)
  );
}
