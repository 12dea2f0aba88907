import { INTERFACE_VERSION } from '@ocirender/interface';
import { readSinkManifest } from './sink-manifest.ts';

/** What the catalog needs to know of an oclif plugin. */
export interface PluginLike {
  readonly name: string;
  readonly version: string;
  /** `core` for what the CLI brings, `user` and `link` for what was added. */
  readonly type: string;
  readonly root: string;
  readonly pjson: object;
}

/** The plugin that a sink comes from. */
export interface SinkOrigin {
  readonly name: string;
  readonly version: string;
  /** Comes with the CLI. */
  readonly bundled: boolean;
}

/** A sink that is installed; its module is not loaded yet. */
export interface SinkEntry {
  readonly name: string;
  readonly summary: string;
  readonly plugin: SinkOrigin;
  /** Folder of the plugin's package. */
  readonly root: string;
  /** Path of the module within the package. */
  readonly module: string;
  /** Name of the module's export. */
  readonly export: string;
  /** Endings of output names, where the package says them: spares loading the module to learn them. */
  readonly extensions?: readonly string[];
}

/** A plugin, or one sink of it, that cannot be used. */
export interface BrokenSink {
  /** The sink's name, when that much is known. */
  readonly name?: string;
  readonly plugin: SinkOrigin;
  /** Why: one sentence. */
  readonly reason: string;
}

/** Everything that is installed. Sorted: the bundled ones first, then by plugin and name. */
export interface SinkCatalog {
  readonly sinks: readonly SinkEntry[];
  readonly broken: readonly BrokenSink[];
}

/**
 * Finds the sinks that plugins bring, without loading any of them: from the key `ocirender` of each plugin's
 * package.json. One bad plugin never hides the others.
 *
 * @param plugins - oclif's list, in any order
 * @returns the usable and the unusable ones
 */
export function readSinkCatalog(plugins: Iterable<PluginLike>): SinkCatalog {
  const sinks = new Map<string, SinkEntry>();
  const broken: BrokenSink[] = [];
  for (const plugin of [...plugins].sort(byOriginThenName)) {
    if (!('ocirender' in plugin.pjson)) continue;
    const origin = { name: plugin.name, version: plugin.version, bundled: plugin.type === 'core' };
    const manifest = readSinkManifest(plugin.pjson.ocirender);
    if ('reason' in manifest) {
      broken.push({ plugin: origin, reason: manifest.reason });
      continue;
    }
    if (manifest.interface !== INTERFACE_VERSION) {
      const advice = manifest.interface > INTERFACE_VERSION ? 'update ocirender' : 'update the plugin';
      const reason = `it is made for interface ${manifest.interface}, this is interface ${INTERFACE_VERSION}: ${advice}`;
      const names = [...manifest.sinks, ...manifest.broken].map(({ name }) => name);
      if (names.length === 0) broken.push({ plugin: origin, reason });
      for (const name of names) broken.push({ name, plugin: origin, reason });
      continue;
    }
    for (const sink of manifest.sinks) {
      const taken = sinks.get(sink.name);
      if (taken === undefined) sinks.set(sink.name, { ...sink, plugin: origin, root: plugin.root });
      else broken.push({ name: sink.name, plugin: origin, reason: takenReason(taken) });
    }
    for (const bad of manifest.broken) broken.push({ ...bad, plugin: origin });
  }
  return { sinks: [...sinks.values()], broken };
}

function takenReason(taken: SinkEntry): string {
  const owner = taken.plugin.bundled ? `the bundled ${taken.plugin.name}` : taken.plugin.name;
  return `its name "${taken.name}" is taken by ${owner}, which is the one that is used`;
}

function byOriginThenName(a: PluginLike, b: PluginLike): number {
  if ((a.type === 'core') !== (b.type === 'core')) return a.type === 'core' ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
