import type { Hook } from '@oclif/core/interfaces';

/**
 * Refuses names that npm would resolve to anybody's package. `plugins install erofs` means
 * `@ocirender/sink-erofs`; where that does not exist, oclif would install whatever package is called `erofs`.
 */
const refuseForeignShortNames: Hook.PluginsPreinstall = function ({ plugin }) {
  if (plugin.type === 'npm' && !plugin.name.startsWith('@')) {
    // Only this.error() stops an installation; oclif swallows what a hook throws otherwise.
    this.error(
      `there is no plugin @ocirender/sink-${plugin.name}, or the registry cannot be reached. Name a plugin of ` +
        "somebody else's with its scope (@scope/name) or its repository (owner/repository or a URL).",
      { exit: 2 },
    );
  }
  return Promise.resolve();
};

export default refuseForeignShortNames;
