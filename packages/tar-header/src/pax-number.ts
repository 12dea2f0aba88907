import { FormatError } from '@ocirender/interface';
import { parseDecimal } from './numbers.ts';

/**
 * Reads the value of a numeric record.
 *
 * @param key - the record's key
 * @param value - its value
 * @param offset - where the record is in the stream
 * @param maximum - largest number allowed
 * @returns the number, null for an empty value
 * @throws {FormatError} when it is none, or too large
 */
export function paxNumber(key: string, value: Buffer, offset: number, maximum: number): number | null {
  if (value.length === 0) return null;
  const parsed = parseDecimal(value.toString('latin1'));
  return parsed <= maximum ? parsed : malformedRecord(key, value, offset);
}

/**
 * Refuses a record.
 *
 * @param key - the record's key
 * @param value - its value
 * @param offset - where the record is in the stream
 * @throws {FormatError} always
 */
export function malformedRecord(key: string, value: Buffer, offset: number): never {
  const shown = JSON.stringify(value.toString('latin1', 0, 40));
  throw new FormatError(`tar: the PAX record ${key} has an impossible value ${shown}`, offset);
}
