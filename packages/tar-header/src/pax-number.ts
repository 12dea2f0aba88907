import { type ByteString, displayPath, FormatError } from '@ocirender/interface';
import { parseDecimal } from './numbers.ts';

/** A record whose value cannot be: an error once it is known which entry it belongs to. */
export interface ImpossibleRecord {
  readonly key: string;
  /** The value, shortened, for messages. */
  readonly shown: string;
  /** What the value may be, for messages. */
  readonly allowed: string;
  /** Where the record is in the stream. */
  readonly offset: number;
}

/**
 * Reads the value of a numeric record.
 *
 * @param value - its value
 * @param maximum - largest number allowed
 * @returns the number, null for an empty value, NaN when it is none or too large
 */
export function paxNumber(value: Buffer, maximum: number): number | null {
  if (value.length === 0) return null;
  const parsed = parseDecimal(value.toString('latin1'));
  return parsed <= maximum ? parsed : Number.NaN;
}

/**
 * Describes a record that cannot be.
 *
 * @param key - the record's key
 * @param value - its value
 * @param offset - where the record is in the stream
 * @param allowed - what the value may be
 */
export function impossibleRecord(
  key: string,
  value: Buffer,
  offset: number,
  allowed: string,
): ImpossibleRecord {
  return { key, shown: JSON.stringify(value.toString('latin1', 0, 40)), allowed, offset };
}

/**
 * Makes the error of a record that cannot be.
 *
 * @param record - the record
 * @param path - of its entry, when that is known
 */
export function impossibleRecordError(
  { key, shown, allowed, offset }: ImpossibleRecord,
  path?: ByteString,
): FormatError {
  const where = path === undefined ? '' : `"${displayPath(path)}": `;
  return new FormatError(
    `tar: ${where}the PAX record ${key} has the impossible value ${shown}; allowed: ${allowed}`,
    offset,
  );
}
