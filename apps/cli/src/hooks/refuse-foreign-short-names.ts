import type { Hook } from '@oclif/core/interfaces';

/**
 * Refuses names that npm would resolve to anybody's package. `plugins install erofs` means
 * `@ocirender/sink-erofs`; where that does not exist, oclif would install whatever package is called `erofs`. What is bundled is not
 * installed once more.
 */
const refuseForeignShortNames: Hook.PluginsPreinstall = function ({ plugin, config }) {
  const own = plugin.type === 'npm' ? plugin.name.replace(/^(?:@ocirender\/sink-)?/, '@ocirender/sink-') : '';
  if (config.plugins.get(own)?.type === 'core') {
    // Only this.error() stops an installation; oclif swallows what a hook throws otherwise.
    this.error(`${own} comes with ${config.bin}: there is nothing to install`, { exit: 2 });
  }
  if (plugin.type === 'npm' && !plugin.name.startsWith('@')) {
    this.error(
      `there is no plugin @ocirender/sink-${plugin.name}, or the registry cannot be reached. Name a plugin of ` +
        "somebody else's with its scope (@scope/name) or its repository (owner/repository or a URL).",
      { exit: 2 },
    );
  }
  return Promise.resolve();
};

export default refuseForeignShortNames;
