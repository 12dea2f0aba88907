import { OcirenderError, parseSize } from '@ocirender/interface';
import { LIMIT_FLAGS, LIMIT_NAMES, type LimitName } from './limit-flags.ts';

/**
 * Reads the limit flags.
 *
 * @param flags - all flags of the command line as text, by flag name
 * @returns the limits that were given, by the engine's names
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for a value that is no positive number
 */
export function readLimits(flags: Readonly<Record<string, unknown>>): Partial<Record<LimitName, number>> {
  const limits: Partial<Record<LimitName, number>> = {};
  for (const name of LIMIT_NAMES) {
    const { flag, unit } = LIMIT_FLAGS[name];
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
    limits[name] = value;
  }
  return limits;
}
