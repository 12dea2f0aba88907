import type { ByteString } from '@ocirender/interface';

const SPACE = 0x20;
const ZERO = 0x30;

/**
 * Reads a number of the header block: octal digits between optional spaces and NULs, or GNU's base-256
 * (high bit of the first byte set, two's complement, big endian).
 *
 * @param bytes - the block
 * @param offset - the field's first byte
 * @param length - the field's length
 * @returns the number, 0 for a blank field, NaN when it is malformed or not a safe integer
 */
export function parseNumber(bytes: Uint8Array, offset: number, length: number): number {
  if ((bytes[offset]! & 0x80) !== 0) return parseBase256(bytes, offset, length);
  const end = offset + length;
  let at = offset;
  while (at < end && (bytes[at] === SPACE || bytes[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit >= 0 && digit <= 7) {
      value = value * 8 + digit;
      continue;
    }
    // A NUL ends the field whatever follows it; after a space only blanks may follow.
    for (; at < end && bytes[at] !== 0; at++) {
      if (bytes[at] !== SPACE) return Number.NaN;
    }
    break;
  }
  return value;
}

function parseBase256(bytes: Uint8Array, offset: number, length: number): number {
  const first = bytes[offset]!;
  const negative = (first & 0x40) !== 0;
  const flip = negative ? 0xff : 0;
  let value = (first ^ flip) & 0x3f;
  for (let at = offset + 1; at < offset + length; at++) {
    value = value * 256 + (bytes[at]! ^ flip);
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  }
  return negative ? -value - 1 : value;
}

/**
 * Reads a PAX decimal: digits only.
 *
 * @param text - the record's value
 * @returns the number, NaN when it is malformed or not a safe integer
 */
export function parseDecimal(text: ByteString): number {
  if (!/^0*\d{1,16}$/.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** A time as whole seconds since the epoch, rounded down, and nanoseconds 0 to 999999999 on top. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Reads a PAX time: decimal seconds, optionally negative and with a fraction. What is finer than a
 * nanosecond is rounded down.
 *
 * @param text - the record's value
 * @returns the time, or undefined when it is malformed or its seconds are not a safe integer
 */
export function parsePaxTime(text: ByteString): Timestamp | undefined {
  const match = /^(-?)(0*\d{1,16})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const whole = Number(match[2]);
  if (!Number.isSafeInteger(whole)) return undefined;
  const fraction = match[3] ?? '';
  let nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds: whole, nanoseconds };
  if (/[1-9]/.test(fraction.slice(9))) nanoseconds++;
  if (nanoseconds === 0) return { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 };
  const seconds = -whole - 1;
  return Number.isSafeInteger(seconds) ? { seconds, nanoseconds: 1_000_000_000 - nanoseconds } : undefined;
}

/**
 * Writes a PAX time, shortest form.
 *
 * @param seconds - whole seconds since the epoch, rounded down
 * @param nanoseconds - 0 to 999999999
 * @returns for example `1700000000.25` or `-0.5`
 */
export function formatPaxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? '-' : ''}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
}
