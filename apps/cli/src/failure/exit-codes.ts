/** What the process's exit status says. Part of the CLI's contract: scripts test these. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  interrupted: 130,
  terminated: 143,
  hungUp: 129,
} as const;

/** Errors that the caller can mend by writing another command line. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'ERR_OCIRENDER_USAGE',
  'ERR_OCIRENDER_UNKNOWN_SINK',
  'ERR_OCIRENDER_INVALID_OPTION',
]);

/**
 * Gives the exit status for an error code.
 *
 * @param code - an `ERR_OCIRENDER_*` code
 * @returns 2 for usage errors, 130 for an abort, else 1
 */
export function exitCodeFor(code: string): number {
  if (USAGE_CODES.has(code)) return EXIT_CODES.usage;
  return code === 'ERR_OCIRENDER_ABORTED' ? EXIT_CODES.interrupted : EXIT_CODES.failed;
}
