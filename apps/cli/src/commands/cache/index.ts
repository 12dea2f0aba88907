import { BaseCommand } from '../../base-command.ts';
import { cacheDirectoryFlag } from '../../cache/cache-flags.ts';
import type { CacheListing } from '../../cache/run-cache.ts';

/** `ocirender cache` */
export class Cache extends BaseCommand {
  static override summary = 'List what is kept of layers.';

  static override description =
    'Commands that read images keep what their layers say with --cache, or when OCIRENDER_CACHE names a directory; convert to squashfs and to compressed EROFS keeps what it has compressed, too. What is kept never changes a result: it may be removed at any time.';

  static override examples = [
    { description: 'List the cache', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Use it: the second time, no layer is read',
      command: '<%= config.bin %> ls docker://debian:12 --cache',
    },
  ];

  static override flags = { cache: cacheDirectoryFlag };

  override async run(): Promise<CacheListing> {
    const { flags } = await this.parse(Cache);
    const { runCacheList } = await import('../../cache/run-cache.ts');
    return runCacheList(flags.cache, this.jsonEnabled());
  }
}
