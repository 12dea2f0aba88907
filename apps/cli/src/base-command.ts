import { printableJson } from '@ocirender/interface';
import { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { spellOptionalValues } from './cache/cache-flags.ts';
import { describeFailure, requestedExit } from './failure/failure.ts';
import { renderFailure } from './failure/render-failure.ts';
import { printMessage } from './report/print-message.ts';

/**
 * What every command of ours shares: `--json`, and how failures end. oclif's own handling exits 1 for every
 * failure with `--json`; scripts need the same exit status with and without it.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  constructor(argv: string[], config: Config) {
    super(spellOptionalValues(argv), config);
  }

  /** JSON is data, but a terminal may show it: what it would obey is written as JSON's own escapes. */
  override logJson(json: unknown): void {
    process.stdout.write(`${printableJson(JSON.stringify(json, undefined, 2) ?? 'null')}\n`);
  }

  protected override catch(error: unknown): Promise<void> {
    if (requestedExit(error) !== undefined) return Promise.reject(error as Error);
    // With NODE_ENV=test or development oclif warns of commands that never parsed; a failing parse is enough.
    this.parsed = true;
    const described = describeFailure(error);
    const { failure, exitCode } = described;
    // A signal has set its own status already: it wins over the error that it caused.
    process.exitCode ??= exitCode;
    if (this.jsonEnabled()) this.logJson({ error: failure });
    else printMessage(renderFailure(described, this.config.userAgent));
    return Promise.resolve();
  }
}
