import { isUtf8 } from 'node:buffer';
import { type ByteString, byteStringToBytes, type Entry, OcirenderError } from '@ocirender/interface';
import { ACL_ACCESS, ACL_DEFAULT, aclToText } from './acl.ts';
import { formatPaxTime } from './numbers.ts';
import { formatPaxRecord } from './pax-records.ts';
import { isInterpretedKey } from './pax-values.ts';
import { encodeXattrName } from './xattr-coding.ts';

/** Records by key, in no particular order. */
export type PaxRecords = Map<ByteString, Uint8Array>;

/**
 * Adds a text record.
 *
 * @param records - receives it
 * @param key - the key
 * @param value - one character per byte
 */
export function setText(records: PaxRecords, key: ByteString, value: ByteString): void {
  records.set(key, byteStringToBytes(value));
}

/**
 * Adds a name, and says so where its bytes are no UTF-8, which PAX otherwise promises: libarchive would
 * convert them.
 *
 * @param records - receives it
 * @param key - `path`, `linkpath` or `GNU.sparse.name`
 * @param name - the name's bytes
 */
export function setName(records: PaxRecords, key: ByteString, name: ByteString): void {
  const bytes = byteStringToBytes(name);
  records.set(key, bytes);
  if (!isUtf8(bytes)) setText(records, 'hdrcharset', 'BINARY');
}

/**
 * Adds the records of what no header block has room for: precise times, xattrs, ACLs, foreign records.
 *
 * @param records - receives them
 * @param entry - the entry
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for an impossible extra record
 */
export function setMetadata(records: PaxRecords, entry: Entry): void {
  if (entry.mtimeNs !== 0 || entry.mtime < 0 || entry.mtime > 0o77777777777) {
    setText(records, 'mtime', formatPaxTime(entry.mtime, entry.mtimeNs));
  }
  for (const [name, value] of entry.xattrs) setXattr(records, name, value);
  for (const [key, value] of entry.extraPax ?? []) {
    if (key === '' || /[=\0]/.test(key) || isInterpretedKey(key)) {
      throw new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `tar: ${JSON.stringify(key)} cannot be an extra PAX record`,
      );
    }
    // An empty value means that there is no such record.
    if (value.length > 0) records.set(key, value);
  }
}

/** An ACL is written twice: as text for star, GNU tar and libarchive, as an xattr for Go and container runtimes. */
function setXattr(records: PaxRecords, name: ByteString, value: Uint8Array): void {
  if (name === ACL_ACCESS || name === ACL_DEFAULT) {
    const kind = name === ACL_ACCESS ? 'access' : 'default';
    const text = aclToText(value, kind);
    if (text !== undefined) setText(records, `SCHILY.acl.${kind}`, text);
  }
  if (!/[=\0]/.test(name)) records.set(`SCHILY.xattr.${name}`, value);
  else setText(records, `LIBARCHIVE.xattr.${encodeXattrName(name)}`, Buffer.from(value).toString('base64'));
}

/**
 * Writes a PAX header's body.
 *
 * @param records - the records
 * @returns the records in bytewise order of their keys
 */
export function encodePaxBody(records: PaxRecords): Uint8Array {
  const keys = [...records.keys()].sort((a, b) => (a < b ? -1 : 1));
  return Buffer.concat(keys.map((key) => formatPaxRecord(key, records.get(key)!)));
}
