import type { CacheCheck } from '@ocirender/layer-cache';
import { BaseCommand } from '../../base-command.ts';
import { cacheDirectoryFlag } from '../../cache/cache-flags.ts';

/** `ocirender cache verify` */
export class CacheVerify extends BaseCommand {
  static override summary = 'Check everything that is kept of layers, and remove what is damaged.';

  static override description =
    'Entries are also checked when they are used: one that is damaged counts as not there, and is made again.';

  static override examples = [
    { description: 'Check the cache', command: '<%= config.bin %> <%= command.id %>' },
  ];

  static override flags = { cache: cacheDirectoryFlag };

  override async run(): Promise<CacheCheck> {
    const { flags } = await this.parse(CacheVerify);
    const { runCacheVerify } = await import('../../cache/run-cache.ts');
    return runCacheVerify(flags.cache, this.jsonEnabled());
  }
}
