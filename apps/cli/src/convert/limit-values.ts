import { OcirenderError, parseSize } from '@ocirender/interface';
import type { LimitFlag } from './limit-flags.ts';

/**
 * Reads the limit flags.
 *
 * @param flags - all flags of the command line as text, by flag name
 * @param limits - the limits that are wanted, and their flags
 * @returns those of them that were given
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for a value that is no positive number
 */
export function readLimits<Name extends string>(
  flags: Readonly<Record<string, unknown>>,
  limits: Readonly<Record<Name, LimitFlag>>,
): Partial<Record<Name, number>> {
  const given: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(limits) as Name[]) {
    const { flag, unit } = limits[name];
    const text = flags[flag];
    if (typeof text !== 'string') continue;
    const value = unit === 'bytes' ? parseSize(text) : /^\d+$/.test(text) ? Number(text) : undefined;
    if (value === undefined || value < 1 || !Number.isSafeInteger(value)) {
      const hint =
        unit === 'bytes' ? 'Give bytes, with K, M, G or T for powers of 1024.' : 'Give a whole number.';
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `--${flag}: ${JSON.stringify(text)} is not a limit`, {
        hint,
      });
    }
    given[name] = value;
  }
  return given;
}
