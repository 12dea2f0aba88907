import { type ByteString, FormatError } from '@ocirender/interface';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
/** No header is longer than nine digits of bytes can say. */
const MAX_LENGTH_DIGITS = 9;

/**
 * Cuts a PAX header into its records, `LENGTH KEY=VALUE\n`. Values are bytes: they may hold NULs, newlines
 * and `=`. NULs after the last record are padding.
 *
 * @param body - the header's whole body
 * @param offset - where the body starts in the stream, for errors
 * @param onRecord - called for each record in order; `value` is a view on `body`
 * @throws {FormatError} when a record's length, terminator or key is malformed
 */
export function parsePaxRecords(
  body: Buffer,
  offset: number,
  onRecord: (key: ByteString, value: Buffer, offset: number) => void,
): void {
  let at = 0;
  while (at < body.length) {
    if (body[at] === 0 && isZero(body, at)) return;
    let length = 0;
    let digits = at;
    for (; digits < body.length && digits - at <= MAX_LENGTH_DIGITS; digits++) {
      const digit = body[digits]! - 0x30;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    if (digits === at || body[digits] !== SPACE) fail('a PAX record without a length', offset + at);
    const end = at + length;
    if (end > body.length || end < digits + 2) fail('a PAX record whose length is impossible', offset + at);
    if (body[end - 1] !== NEWLINE) fail('a PAX record that does not end in a newline', offset + at);
    const equals = body.indexOf(EQUALS, digits + 1);
    if (equals < 0 || equals >= end) fail('a PAX record without "="', offset + at);
    const key = body.toString('latin1', digits + 1, equals);
    if (key === '' || key.includes('\0')) fail('a PAX record with an impossible key', offset + at);
    onRecord(key, body.subarray(equals + 1, end - 1), offset + at);
    at = end;
  }
}

function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function fail(what: string, offset: number): never {
  throw new FormatError(`tar: ${what}`, offset);
}

/**
 * Writes one PAX record.
 *
 * @param key - not empty, without `=` and NUL
 * @param value - raw bytes
 * @returns `LENGTH KEY=VALUE\n`, the length counting itself
 */
export function formatPaxRecord(key: ByteString, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  const record = Buffer.alloc(length);
  let at = record.write(`${length} ${key}=`, 0, 'latin1');
  record.set(value, at);
  at += value.length;
  record[at] = NEWLINE;
  return record;
}
