import type { Failure } from './failure.ts';
import { printable } from './printable.ts';

const ISSUES = 'https://github.com/ocirender/ocirender/issues';

/**
 * Writes a failure for people: message, causes one per line, hint; for a bug, its stack and where to report it.
 *
 * @param failure - what happened
 * @param version - program and platform, for a report
 * @returns lines without a line end at the end
 */
export function renderFailure(failure: Failure, version: string): string {
  const lines: string[] = [];
  if (failure.code === 'ERR_INTERNAL') {
    lines.push(`Internal error: ${printable(failure.message)}`);
    if (failure.stack !== undefined) lines.push(printable(failure.stack));
  } else {
    lines.push(`Error: ${printable(failure.message)}`);
  }
  for (const cause of failure.causes) lines.push(`  because: ${printable(cause.message)}`);
  if (failure.hint !== undefined) lines.push(`Hint: ${printable(failure.hint)}`);
  if (failure.code === 'ERR_INTERNAL') {
    lines.push(
      `This should not have happened. Please report it, with the lines above and "${version}", at`,
      ISSUES,
    );
  }
  return lines.join('\n');
}
