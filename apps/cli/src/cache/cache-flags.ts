import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';

const helpGroup = 'CACHE';

/** Which cache: of the commands that manage it. */
export const cacheDirectoryFlag = Flags.string({
  summary: 'Directory of the cache. [default: $XDG_CACHE_HOME/ocirender, ~/.cache/ocirender]',
  helpValue: 'DIR',
  env: 'OCIRENDER_CACHE',
});

/** Whether and where what is read of layers is kept: of the commands that read them. */
export const cacheFlags = {
  // The value may be left out: see spellOptionalValues.
  cache: Flags.string({
    summary:
      'Keep what layers say and what was compressed, so that a layer is not read, downloaded or compressed twice; in DIR or $XDG_CACHE_HOME/ocirender.',
    helpValue: '[DIR]',
    env: 'OCIRENDER_CACHE',
    helpGroup,
  }),
  'cache-size': Flags.string({
    summary: 'Limit on the bytes of the cache. [default: 20 GB or a tenth of the disk, the smaller]',
    helpValue: 'SIZE',
    helpGroup,
  }),
};

/** The parsed {@link cacheFlags}. */
export type CacheFlags = InferredFlags<typeof cacheFlags>;

/**
 * Spells flags whose value may be left out as the parser knows them: `--cache` becomes `--cache=`. A value needs the sign.
 *
 * @param argv - as given
 */
export function spellOptionalValues(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, index) =>
    argument === '--cache' && (end < 0 || index < end) ? '--cache=' : argument,
  );
}
