import { LIMIT_FLAGS, type LimitName } from '../convert/limit-flags.ts';

/**
 * Says which flag raises the limit that was met, in an error or any of its causes.
 *
 * @param error - any error
 * @returns a sentence, or undefined when no limit of the command line was met
 */
export function limitHint(error: Error): string | undefined {
  for (
    let level: unknown = error, depth = 0;
    level instanceof Error && depth < 16;
    level = level.cause, depth++
  ) {
    if (!('limit' in level)) continue;
    const { limit } = level;
    if (typeof limit !== 'string' || !Object.hasOwn(LIMIT_FLAGS, limit)) continue;
    return `If you trust the image, raise the limit with --${LIMIT_FLAGS[limit as LimitName].flag}.`;
  }
  return undefined;
}
