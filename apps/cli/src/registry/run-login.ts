import { OcirenderError } from '@ocirender/interface';
import { type LoginReport, login } from '@ocirender/registry';
import { watchInterrupts } from '../convert/interrupt.ts';
import { printMessage } from '../report/print-message.ts';
import { registryEventLine } from './registry-event-line.ts';
import type { ConnectionFlags } from './registry-flags.ts';
import { connectionSettings } from './registry-settings.ts';

/**
 * Logs in.
 *
 * @param registry - as the user spells it
 * @param flags - parsed flags
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` without a password, and whatever the login throws
 */
export async function runLogin(registry: string, flags: ConnectionFlags): Promise<LoginReport> {
  const { credentials, ...connection } = await connectionSettings(flags, process.stdin);
  if (credentials === undefined) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'a user name and a password are needed', {
      hint: 'Give --username and --password-stdin, and pipe the password in.',
    });
  }
  const interrupt = watchInterrupts(() => {});
  try {
    const report = await login(registry, {
      ...connection,
      credentials,
      signal: interrupt.signal,
      onEvent: (event) => {
        const line = registryEventLine(event);
        if (line !== undefined) printMessage(line);
      },
    });
    if (!report.isVerified) {
      printMessage(`Warning: ${report.registry} asks for no password, so nobody knows whether it is right.`);
    }
    printMessage(
      `Logged in to ${report.registry} as ${report.username}; the password is kept ${report.helper === undefined ? `in ${report.file}, unencrypted` : `by ${report.helper}`}.`,
    );
    return report;
  } catch (error) {
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
    throw error;
  } finally {
    interrupt.dispose();
  }
}
