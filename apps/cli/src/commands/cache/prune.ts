import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../base-command.ts';
import { cacheDirectoryFlag } from '../../cache/cache-flags.ts';
import type { CacheListing } from '../../cache/run-cache.ts';

/** `ocirender cache prune` */
export class CachePrune extends BaseCommand {
  static override summary = 'Remove what is kept of layers.';

  static override usage = '<%= command.id %> [FLAGS]';

  static override description =
    'Removes entries that any of the flags names. Commands that are running are not disturbed.';

  static override examples = [
    {
      description: 'Keep what was used last, up to a size',
      command: '<%= config.bin %> <%= command.id %> --max-size 5G',
    },
    {
      description: 'Remove what was not used for a month',
      command: '<%= config.bin %> <%= command.id %> --older-than 30d',
    },
    { description: 'Remove everything', command: '<%= config.bin %> <%= command.id %> --all' },
  ];

  static override flags = {
    cache: cacheDirectoryFlag,
    'max-size': Flags.string({
      summary: 'Remove what was used least recently, until the rest has at most SIZE bytes.',
      helpValue: 'SIZE',
    }),
    'older-than': Flags.string({
      summary: 'Remove what was not used for TIME, for example 30d or 12h.',
      helpValue: 'TIME',
    }),
    all: Flags.boolean({ summary: 'Remove everything.' }),
  };

  override async run(): Promise<CacheListing> {
    const { flags } = await this.parse(CachePrune);
    const { runCachePrune } = await import('../../cache/run-cache.ts');
    return runCachePrune(
      flags.cache,
      { 'max-size': flags['max-size'], 'older-than': flags['older-than'], all: flags.all },
      this.jsonEnabled(),
    );
  }
}
