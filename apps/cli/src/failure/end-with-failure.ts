import { printMessage } from '../report/print-message.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { describeFailure } from './failure.ts';
import { renderFailure } from './render-failure.ts';

/**
 * Ends the program with what no command of ours has dealt with: unknown commands, and failures of oclif's own commands.
 *
 * @param error - what was thrown
 * @param userAgent - program and platform, for a report
 */
export function endWithFailure(error: unknown, userAgent: string): void {
  // this.exit() travels as an error; it is none.
  if (error instanceof Error && 'code' in error && error.code === 'EEXIT') {
    const { oclif } = error as { oclif?: { exit?: number } };
    process.exitCode = oclif?.exit ?? EXIT_CODES.done;
    return;
  }
  const described = describeFailure(error);
  // oclif's commands have set 1 by then, whatever the error says.
  process.exitCode = described.exitCode;
  printMessage(renderFailure(described, userAgent));
}
