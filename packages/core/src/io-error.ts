import { isOcirenderError, OcirenderError } from '@ocirender/interface';

/**
 * Makes a typed error of a system error.
 *
 * @param error - what was thrown
 * @param what - what was being done
 * @returns `error` itself if it is one of ours, else `ERR_OCIRENDER_IO` with it as cause
 */
export function ioError(error: unknown, what: string): OcirenderError {
  if (isOcirenderError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new OcirenderError('ERR_OCIRENDER_IO', `${what}: ${reason}`, { cause: error });
}
