import { OcirenderError } from '@ocirender/interface';

/**
 * Finds the time for whatever has none of its own.
 *
 * @param given - seconds since the epoch, as the caller chose
 * @returns `given`, else the environment's `SOURCE_DATE_EPOCH`, else 0
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is not a whole number of seconds from 0 to 2^53-1
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export function sourceDateEpoch(given: number | undefined): number {
  const text = process.env['SOURCE_DATE_EPOCH'];
  const seconds =
    given ?? (text === undefined || text === '' ? 0 : /^\d+$/.test(text) ? Number(text) : Number.NaN);
  if (Number.isSafeInteger(seconds) && seconds >= 0) return seconds;
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `SOURCE_DATE_EPOCH must be a whole number of seconds, not "${given ?? text}"`,
  );
}
