import type { DescribedFailure, Failure } from './failure.ts';

const ISSUES = 'https://github.com/ocirender/ocirender/issues';

/**
 * Writes a failure for people: message, causes one per line, hint; for a bug, its stack and where to report it.
 *
 * @param described - what happened
 * @param version - program and platform, for a report
 * @returns lines without line ends; but what comes from outside may hold some, which whoever prints them escapes
 */
export function renderFailure({ failure, isMultiline }: DescribedFailure, version: string): string[] {
  const isBug = failure.code === 'ERR_INTERNAL';
  const message = `${isBug ? 'Internal error' : 'Error'}: ${failure.message}`;
  const lines = isMultiline === true ? message.split('\n') : [message];
  if (isBug) lines.push(...stackLines(failure));
  for (const cause of failure.causes) lines.push(`  because: ${cause.message}`);
  if (failure.hint !== undefined) lines.push(`Hint: ${failure.hint}`);
  if (isBug) {
    lines.push(
      `This should not have happened. Please report it, with the lines above and "${version}", at`,
      ISSUES,
    );
  }
  return lines;
}

/** A stack begins with the message, which is one line whatever it holds; its frames are lines. */
function stackLines({ stack = '', message }: Failure): string[] {
  if (stack === '') return [];
  const end = Math.max(0, stack.indexOf(message)) + message.length;
  const [rest = '', ...frames] = stack.slice(end).split('\n');
  return [stack.slice(0, end) + rest, ...frames];
}
