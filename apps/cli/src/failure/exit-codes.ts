/** What the process's exit status says. Part of the CLI's contract: scripts test these. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  different: 3,
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

/** Images were compared, and they differ. */
const DIFFERENT_CODES: ReadonlySet<string> = new Set(['ERR_OCIRENDER_SINK_VERIFY_DIFFERENT']);

/**
 * Gives the exit status for an error code.
 *
 * @param code - an `ERR_OCIRENDER_*` code
 * @returns 2 for usage errors, 3 for differences, 130 for an abort, else 1
 */
export function exitCodeFor(code: string): number {
  if (USAGE_CODES.has(code)) return EXIT_CODES.usage;
  if (DIFFERENT_CODES.has(code)) return EXIT_CODES.different;
  return code === 'ERR_OCIRENDER_ABORTED' ? EXIT_CODES.interrupted : EXIT_CODES.failed;
}
