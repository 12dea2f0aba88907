import { LimitError, OcirenderError } from '@ocirender/interface';

const GIB = 1024 ** 3;

/** Limits that protect against hostile input; each is met with a `LimitError` of its name. */
export interface DecompressLimits {
  /** Most bytes that one stream may decompress to. */
  maxOutputBytes: number;
  /**
   * Most decompressed bytes for each compressed byte, looked at beyond the first 64 MiB of output. Zeros come to
   * 1,032 in gzip, 7,000 in xz, 33,000 in zstd and 1,400,000 in bzip2.
   */
  maxRatio: number;
  /** Largest zstd window or xz/lzma dictionary in bytes. */
  maxWindowBytes: number;
}

/** The limits in force where the caller names none. */
export const DEFAULT_DECOMPRESS_LIMITS: Readonly<DecompressLimits> = Object.freeze({
  maxOutputBytes: 1024 * GIB,
  maxRatio: 40_000,
  maxWindowBytes: 2 * GIB,
});

/** Output below this many bytes is never refused for its ratio: a small bomb does no harm. */
const RATIO_GRACE_BYTES = 64 * 1024 * 1024;

/**
 * Fills a caller's limits up with the defaults.
 *
 * @param given - some limits
 * @returns all limits
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when one is not a positive number
 */
export function completeLimits(given: Partial<DecompressLimits> | undefined): DecompressLimits {
  const limits = { ...DEFAULT_DECOMPRESS_LIMITS };
  for (const name of Object.keys(limits) as (keyof DecompressLimits)[]) {
    const value = given?.[name];
    if (value === undefined) continue;
    if (!(value > 0))
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `the limit ${name} must be above 0, not ${value}`);
    limits[name] = value;
  }
  return limits;
}

/**
 * Checks how much came out of how much.
 *
 * @param output - decompressed bytes so far
 * @param input - compressed bytes taken so far
 * @param limits - the limits in force
 * @param what - the stream's name in messages
 * @throws {LimitError} when a limit is met
 */
export function checkVolume(output: number, input: number, limits: DecompressLimits, what: string): void {
  if (output > limits.maxOutputBytes) {
    throw new LimitError(
      'maxOutputBytes',
      limits.maxOutputBytes,
      `${what} decompresses to more than is allowed`,
    );
  }
  if (output > RATIO_GRACE_BYTES && output > input * limits.maxRatio) {
    throw new LimitError(
      'maxRatio',
      limits.maxRatio,
      `${what} decompresses to ${output} bytes from its first ${input} bytes`,
    );
  }
}
