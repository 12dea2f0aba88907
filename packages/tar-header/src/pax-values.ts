import { type ByteString, type DiagnosticCode, FormatError, LimitError } from '@ocirender/interface';
import { ACL_ACCESS, ACL_DEFAULT, aclFromText, modeOfAcl } from './acl.ts';
import { MAX_ID } from './format.ts';
import type { TarLimits } from './limits.ts';
import { parsePaxTime, type Timestamp } from './numbers.ts';
import { type ImpossibleRecord, impossibleRecord, impossibleRecordError, paxNumber } from './pax-number.ts';
import { parsePaxRecords } from './pax-records.ts';
import { GNU_SPARSE, PaxSparse } from './pax-sparse.ts';
import { decodeXattrName, decodeXattrValue } from './xattr-coding.ts';

/** `null` stands for an empty value: it deletes the record, a global one of the same key included. */
type Override<T> = T | null | undefined;

/** Reports a record that is not used. */
export type PaxDiagnose = (code: DiagnosticCode, message: string) => void;

const SCHILY_XATTR = 'SCHILY.xattr.';
const LIBARCHIVE_XATTR = 'LIBARCHIVE.xattr.';

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

type Field = 'size' | 'uid' | 'gid' | 'mtime' | 'devMajor' | 'devMinor';

/** The fields that records of these keys set. */
const FIELDS: Readonly<Record<string, Field>> = {
  size: 'size',
  uid: 'uid',
  gid: 'gid',
  mtime: 'mtime',
  'SCHILY.devmajor': 'devMajor',
  'SCHILY.devminor': 'devMinor',
};

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
  /** The file's name, where its header block has another. */
  sparseName: Override<ByteString>;
  /** Nine permission bits that the access ACL implies. */
  aclMode: number | undefined;
  xattrs: Map<ByteString, Uint8Array> | undefined;
  xattrBytes = 0;
  extra: Map<ByteString, Uint8Array | null> | undefined;
  readonly #impossible = new Map<Field, ImpossibleRecord>();
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
        this.size = this.#number(key, value, offset, Number.MAX_SAFE_INTEGER);
        return;
      case 'uid':
        this.uid = this.#number(key, value, offset, MAX_ID);
        return;
      case 'gid':
        this.gid = this.#number(key, value, offset, MAX_ID);
        return;
      case 'SCHILY.devmajor':
        this.devMajor = this.#number(key, value, offset, MAX_ID);
        return;
      case 'SCHILY.devminor':
        this.devMinor = this.#number(key, value, offset, MAX_ID);
        return;
      case 'mtime':
        this.mtime = this.#time(key, value, offset);
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

  /**
   * Refuses what cannot be, now that the entry is known.
   *
   * @param path - of the entry
   * @param local - the records of the entry itself, where these are global ones: what they say again does not count
   * @throws {FormatError} that names entry, record, value and what is allowed
   */
  check(path: ByteString, local?: PaxValues): void {
    if (this.#impossible.size === 0) return;
    for (const [field, record] of this.#impossible)
      if (local?.[field] === undefined) throw impossibleRecordError(record, path);
  }

  #number(key: string, value: Buffer, offset: number, maximum: number): number | null {
    const number = paxNumber(value, maximum);
    return this.#possible(key, number !== null && Number.isNaN(number) ? undefined : number, () =>
      impossibleRecord(key, value, offset, `0 to ${maximum}`),
    );
  }

  #time(key: string, value: Buffer, offset: number): Timestamp | null {
    const time = value.length === 0 ? null : parsePaxTime(value.toString('latin1'));
    return this.#possible(key, time, () =>
      impossibleRecord(key, value, offset, 'seconds with a fraction, such as -1.5'),
    );
  }

  /** A later record of the same key replaces an impossible one, too. */
  #possible<T>(key: string, value: T | undefined, describe: () => ImpossibleRecord): T | null {
    const field = FIELDS[key] as Field;
    if (value !== undefined) {
      this.#impossible.delete(field);
      return value;
    }
    this.#impossible.set(field, describe());
    return null;
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
    const name = decodeXattrName(key.slice(LIBARCHIVE_XATTR.length));
    const bytes = decodeXattrValue(value);
    if (name === undefined || bytes === undefined) {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} is not encoded as libarchive does it`);
    } else this.#setXattr(key, name, bytes);
  }

  #setAcl(xattr: ByteString, kind: 'access' | 'default', key: string, value: Buffer): void {
    const acl = aclFromText(value.toString('latin1'), kind);
    if (acl === undefined) {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} is not an ACL of numeric ids`);
    } else if (acl.length > 0) {
      this.#setXattr(key, xattr, acl);
      if (kind === 'access') this.aclMode = modeOfAcl(acl);
    }
  }

  #setSparse(key: ByteString, value: Buffer, offset: number): void {
    if (key === 'GNU.sparse.name') {
      this.sparseName = this.#name(key, value, offset);
      return;
    }
    this.sparse ??= new PaxSparse(this.#limits.sparseExtents);
    if (!this.sparse.set(key, value, offset)) {
      this.#diagnose('pax-record-ignored', `the PAX record ${key} is unknown`);
    }
  }
}
