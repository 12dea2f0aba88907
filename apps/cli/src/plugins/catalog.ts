import { INTERFACE_VERSION } from '@ocirender/interface';
import { type Declared, type PluginKey, readManifest, type Unusable } from './manifest.ts';

/** What a catalog needs to know of an oclif plugin. */
export interface PluginLike {
  readonly name: string;
  readonly version: string;
  /** `core` for what the CLI brings, `user` and `link` for what was added. */
  readonly type: string;
  readonly root: string;
  readonly pjson: object;
}

/** The plugin that something comes from. */
export interface PluginOrigin {
  readonly name: string;
  readonly version: string;
  /** Comes with the CLI. */
  readonly bundled: boolean;
}

/** Something that is installed; its module is not loaded yet. */
export type Installed<T extends Declared> = T & {
  readonly plugin: PluginOrigin;
  /** Folder of the plugin's package. */
  readonly root: string;
};

/** A plugin, or one thing of it, that cannot be used. */
export interface BrokenPlugin {
  /** The thing's name, when that much is known. */
  readonly name?: string;
  readonly plugin: PluginOrigin;
  /** Why: one sentence. */
  readonly reason: string;
}

/** Everything of one kind that is installed. Sorted: the bundled ones first, then by plugin and name. */
export interface Catalog<T extends Declared> {
  readonly items: readonly Installed<T>[];
  readonly broken: readonly BrokenPlugin[];
}

/**
 * Finds what plugins bring, without loading any of it: from the key `ocirender` of each plugin's package.json. One bad
 * plugin never hides the others.
 *
 * @param plugins - oclif's list, in any order
 * @param key - which kind of things
 * @param complete - reads what only that kind has
 * @returns the usable and the unusable ones
 */
export function readCatalog<T extends Declared>(
  plugins: Iterable<PluginLike>,
  key: PluginKey,
  complete: (declared: Declared, fields: Readonly<Record<string, unknown>>) => T | Unusable,
): Catalog<T> {
  const items = new Map<string, Installed<T>>();
  const broken: BrokenPlugin[] = [];
  for (const plugin of [...plugins].sort(byOriginThenName)) {
    if (!('ocirender' in plugin.pjson)) continue;
    const origin = { name: plugin.name, version: plugin.version, bundled: plugin.type === 'core' };
    const manifest = readManifest(plugin.pjson.ocirender, key, complete);
    if ('reason' in manifest) {
      broken.push({ plugin: origin, reason: manifest.reason });
      continue;
    }
    if (manifest.interface !== INTERFACE_VERSION) {
      const advice = manifest.interface > INTERFACE_VERSION ? 'update ocirender' : 'update the plugin';
      const reason = `it is made for interface ${manifest.interface}, this is interface ${INTERFACE_VERSION}: ${advice}`;
      const names = [...manifest.items, ...manifest.broken].map(({ name }) => name);
      if (names.length === 0) broken.push({ plugin: origin, reason });
      for (const name of names) broken.push({ name, plugin: origin, reason });
      continue;
    }
    for (const item of manifest.items) {
      const taken = items.get(item.name);
      if (taken === undefined) items.set(item.name, { ...item, plugin: origin, root: plugin.root });
      else broken.push({ name: item.name, plugin: origin, reason: takenReason(taken) });
    }
    for (const bad of manifest.broken) broken.push({ ...bad, plugin: origin });
  }
  return { items: [...items.values()], broken };
}

function takenReason(taken: { readonly name: string; readonly plugin: PluginOrigin }): string {
  const owner = taken.plugin.bundled ? `the bundled ${taken.plugin.name}` : taken.plugin.name;
  return `its name "${taken.name}" is taken by ${owner}, which is the one that is used`;
}

function byOriginThenName(a: PluginLike, b: PluginLike): number {
  if ((a.type === 'core') !== (b.type === 'core')) return a.type === 'core' ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
