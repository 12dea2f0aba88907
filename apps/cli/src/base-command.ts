import { Command } from '@oclif/core/command';
import { describeFailure } from './failure/failure.ts';
import { renderFailure } from './failure/render-failure.ts';

/**
 * What every command of ours shares: `--json`, and how failures end. oclif's own handling exits 1 for every
 * failure with `--json`; scripts need the same exit status with and without it.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  protected override catch(error: unknown): Promise<void> {
    // this.exit() travels as an error; it is none.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIT') return Promise.reject(error);
    // With NODE_ENV=test or development oclif warns of commands that never parsed; a failing parse is enough.
    this.parsed = true;
    const { failure, exitCode } = describeFailure(error);
    // A signal has set its own status already: it wins over the error that it caused.
    process.exitCode ??= exitCode;
    if (this.jsonEnabled()) this.logJson({ error: failure });
    else process.stderr.write(`${renderFailure(failure, this.config.userAgent)}\n`);
    return Promise.resolve();
  }
}
