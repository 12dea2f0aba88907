import { type ByteString, type DiagnosticCode, FormatError, LimitError } from '@ocirender/interface';
import { ACL_ACCESS, ACL_DEFAULT, aclFromText } from './acl.ts';
import { MAX_ID } from './format.ts';
import type { TarLimits } from './limits.ts';
import { parseDecimal, parsePaxTime, type Timestamp } from './numbers.ts';
import { parsePaxRecords } from './pax-records.ts';

/** `null` stands for an empty value: it deletes the record, a global one of the same key included. */
type Override<T> = T | null | undefined;

/** What the `GNU.sparse.*` records say. */
export interface PaxSparse {
  major?: ByteString;
  minor?: ByteString;
  name?: ByteString;
  size?: number;
  /** Offset and length of each data extent, alternating (formats 0.0 and 0.1). */
  pairs?: number[];
}

/** Reports a record that is not used. */
export type PaxDiagnose = (code: DiagnosticCode, message: string) => void;

const SCHILY_XATTR = 'SCHILY.xattr.';
const LIBARCHIVE_XATTR = 'LIBARCHIVE.xattr.';
const GNU_SPARSE = 'GNU.sparse.';

/**
 * Records that describe what ocirender knows otherwise or has no use for: names of owners (ids count), times
 * other than the modification's, the encoding of names (bytes stay bytes).
 */
const UNUSED_KEYS: ReadonlySet<string> = new Set([
  'uname',
  'gname',
  'atime',
  'ctime',
  'hdrcharset',
  'charset',
]);

const INTERPRETED_KEYS: ReadonlySet<string> = new Set([
  ...UNUSED_KEYS,
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'mtime',
  'SCHILY.devmajor',
  'SCHILY.devminor',
  'SCHILY.acl.access',
  'SCHILY.acl.default',
]);

/**
 * Tells whether a record is part of an entry's own fields, or dropped, rather than kept in `extraPax`.
 *
 * @param key - the record's key
 * @returns true when it cannot be an extra record
 */
export function isInterpretedKey(key: ByteString): boolean {
  return (
    INTERPRETED_KEYS.has(key) ||
    key.startsWith(SCHILY_XATTR) ||
    key.startsWith(LIBARCHIVE_XATTR) ||
    key.startsWith(GNU_SPARSE)
  );
}

/** The records of a PAX header, or of all global ones so far, interpreted. A later record replaces an earlier one. */
export class PaxValues {
  path: Override<ByteString>;
  linkpath: Override<ByteString>;
  size: Override<number>;
  uid: Override<number>;
  gid: Override<number>;
  mtime: Override<Timestamp>;
  devMajor: Override<number>;
  devMinor: Override<number>;
  sparse: PaxSparse | undefined;
  xattrs: Map<ByteString, Uint8Array> | undefined;
  xattrBytes = 0;
  extra: Map<ByteString, Uint8Array | null> | undefined;
  readonly #limits: TarLimits;
  readonly #diagnose: PaxDiagnose;

  constructor(limits: TarLimits, diagnose: PaxDiagnose) {
    this.#limits = limits;
    this.#diagnose = diagnose;
  }

  /**
   * Takes the records of one more header.
   *
   * @param body - the header's body; nothing keeps a view on it
   * @param offset - where the body starts in the stream
   * @throws {FormatError} when a record is malformed
   * @throws {LimitError} `pathBytes`, `xattrBytes`, `sparseExtents`
   */
  read(body: Buffer, offset: number): void {
    parsePaxRecords(body, offset, (key, value, at) => this.#set(key, value, at));
  }

  #set(key: ByteString, value: Buffer, offset: number): void {
    switch (key) {
      case 'path':
        this.path = this.#name(key, value, offset);
        return;
      case 'linkpath':
        this.linkpath = this.#name(key, value, offset);
        return;
      case 'size':
        this.size = number(key, value, offset, Number.MAX_SAFE_INTEGER);
        return;
      case 'uid':
        this.uid = number(key, value, offset, MAX_ID);
        return;
      case 'gid':
        this.gid = number(key, value, offset, MAX_ID);
        return;
      case 'SCHILY.devmajor':
        this.devMajor = number(key, value, offset, MAX_ID);
        return;
      case 'SCHILY.devminor':
        this.devMinor = number(key, value, offset, MAX_ID);
        return;
      case 'mtime':
        this.mtime =
          value.length === 0
            ? null
            : (parsePaxTime(value.toString('latin1')) ?? malformed(key, value, offset));
        return;
      case 'SCHILY.acl.access':
        this.#setAcl(ACL_ACCESS, 'access', key, value);
        return;
      case 'SCHILY.acl.default':
        this.#setAcl(ACL_DEFAULT, 'default', key, value);
        return;
    }
    if (key.startsWith(SCHILY_XATTR)) this.#setXattr(key, key.slice(SCHILY_XATTR.length), value);
    else if (key.startsWith(LIBARCHIVE_XATTR)) this.#setLibarchiveXattr(key, value);
    else if (key.startsWith(GNU_SPARSE)) this.#setSparse(key, value, offset);
    else if (!UNUSED_KEYS.has(key)) {
      this.extra ??= new Map();
      this.extra.set(key, value.length === 0 ? null : new Uint8Array(value));
    }
  }

  #name(key: string, value: Buffer, offset: number): ByteString | null {
    if (value.length === 0) return null;
    if (value.length > this.#limits.pathBytes) {
      throw new LimitError(
        'pathBytes',
        this.#limits.pathBytes,
        `tar: a PAX ${key} of ${value.length} bytes at byte ${offset}`,
      );
    }
    if (value.includes(0)) throw new FormatError(`tar: a PAX ${key} with a NUL`, offset);
    return value.toString('latin1');
  }

  #setXattr(key: ByteString, name: ByteString, value: Uint8Array): void {
    if (name === '') {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} names no xattr`);
      return;
    }
    this.xattrs ??= new Map();
    const before = this.xattrs.get(name);
    this.xattrBytes += value.length - (before === undefined ? -name.length : before.length);
    if (this.xattrBytes > this.#limits.xattrBytes) {
      throw new LimitError('xattrBytes', this.#limits.xattrBytes, `tar: xattrs of ${this.xattrBytes} bytes`);
    }
    this.xattrs.set(name, new Uint8Array(value));
  }

  #setLibarchiveXattr(key: ByteString, value: Buffer): void {
    const name = urlDecode(key.slice(LIBARCHIVE_XATTR.length));
    const bytes = base64Decode(value);
    if (name === undefined || bytes === undefined) {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} is not encoded as libarchive does it`);
    } else this.#setXattr(key, name, bytes);
  }

  #setAcl(xattr: ByteString, kind: 'access' | 'default', key: string, value: Buffer): void {
    const acl = aclFromText(value.toString('latin1'), kind);
    if (acl === undefined) {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} is not an ACL of numeric ids`);
    } else if (acl.length > 0) this.#setXattr(key, xattr, acl);
  }

  #setSparse(key: string, value: Buffer, offset: number): void {
    this.sparse ??= {};
    const sparse = this.sparse;
    switch (key.slice(GNU_SPARSE.length)) {
      case 'major':
        sparse.major = value.toString('latin1');
        return;
      case 'minor':
        sparse.minor = value.toString('latin1');
        return;
      case 'name': {
        const name = this.#name(key, value, offset);
        if (name === null) delete sparse.name;
        else sparse.name = name;
        return;
      }
      case 'size':
      case 'realsize':
        sparse.size = number(key, value, offset, Number.MAX_SAFE_INTEGER) ?? malformed(key, value, offset);
        return;
      case 'offset':
      case 'numbytes':
        this.#addSparseNumber(sparse, key, value, offset);
        return;
      case 'map':
        sparse.pairs = [];
        if (value.length === 0) return;
        for (const text of value.toString('latin1').split(',')) {
          const parsed = parseDecimal(text);
          if (Number.isNaN(parsed)) malformed(key, value, offset);
          sparse.pairs.push(parsed);
        }
        if (sparse.pairs.length % 2 !== 0) malformed(key, value, offset);
        this.#checkExtents(sparse.pairs);
        return;
      case 'numblocks':
        sparse.pairs ??= [];
        return;
    }
    this.#diagnose('pax-record-ignored', `the PAX record ${key} is unknown`);
  }

  /** Format 0.0 repeats `offset` and `numbytes`, one after the other. */
  #addSparseNumber(sparse: PaxSparse, key: string, value: Buffer, offset: number): void {
    sparse.pairs ??= [];
    const expected = sparse.pairs.length % 2 === 0 ? `${GNU_SPARSE}offset` : `${GNU_SPARSE}numbytes`;
    const parsed = number(key, value, offset, Number.MAX_SAFE_INTEGER);
    if (key !== expected || parsed === null) malformed(key, value, offset);
    sparse.pairs.push(parsed);
    this.#checkExtents(sparse.pairs);
  }

  #checkExtents(pairs: readonly number[]): void {
    const count = pairs.length / 2;
    if (count > this.#limits.sparseExtents) {
      throw new LimitError(
        'sparseExtents',
        this.#limits.sparseExtents,
        `tar: a sparse file of ${Math.ceil(count)} extents`,
      );
    }
  }
}

function number(key: string, value: Buffer, offset: number, maximum: number): number | null {
  if (value.length === 0) return null;
  const parsed = parseDecimal(value.toString('latin1', 0, 32));
  return value.length <= 32 && parsed <= maximum ? parsed : malformed(key, value, offset);
}

function malformed(key: string, value: Buffer, offset: number): never {
  const shown = JSON.stringify(value.toString('latin1', 0, 40));
  throw new FormatError(`tar: the PAX record ${key} has an impossible value ${shown}`, offset);
}

function urlDecode(text: ByteString): ByteString | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function base64Decode(value: Buffer): Uint8Array | undefined {
  const text = value.toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64');
}
