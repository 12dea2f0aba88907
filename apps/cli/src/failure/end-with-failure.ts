import { readFileSync } from 'node:fs';
import { printMessage } from '../report/print-message.ts';
import { describeFailure, requestedExit } from './failure.ts';
import { renderFailure } from './render-failure.ts';

/**
 * Ends the program with what no command of ours has dealt with: unknown commands, and failures of oclif's own commands.
 *
 * @param error - what was thrown
 */
export function endWithFailure(error: unknown): void {
  const exit = requestedExit(error);
  if (exit !== undefined) {
    process.exitCode = exit;
    return;
  }
  const described = describeFailure(error);
  // oclif's commands have set 1 by then, whatever the error says.
  process.exitCode = described.exitCode;
  printMessage(renderFailure(described, userAgent()));
}

/** As oclif's config has it, which may be what failed. */
function userAgent(): string {
  const { name, version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { name: string; version: string };
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`;
}
