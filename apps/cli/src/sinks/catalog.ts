import { type BrokenPlugin, type Installed, type PluginLike, readCatalog } from '../plugins/catalog.ts';
import type { Declared } from '../plugins/manifest.ts';

/** One sink as a package.json declares it. */
export interface DeclaredSink extends Declared {
  /** Endings of output names, where the package says them: spares loading the module to learn them. */
  readonly extensions?: readonly string[];
}

/** A sink that is installed; its module is not loaded yet. */
export type SinkEntry = Installed<DeclaredSink>;

/** All sinks that are installed. Sorted: the bundled ones first, then by plugin and name. */
export interface SinkCatalog {
  readonly sinks: readonly SinkEntry[];
  readonly broken: readonly BrokenPlugin[];
}

/**
 * Finds the sinks that plugins bring, without loading any of them.
 *
 * @param plugins - oclif's list, in any order
 * @returns the usable and the unusable ones
 */
export function readSinkCatalog(plugins: Iterable<PluginLike>): SinkCatalog {
  const { items, broken } = readCatalog<DeclaredSink>(plugins, 'sinks', (declared, { extensions }) => ({
    ...declared,
    ...(isStringArray(extensions) ? { extensions } : {}),
  }));
  return { sinks: items, broken };
}

/**
 * Names the sinks that are installed, for messages.
 *
 * @param catalog - what is installed
 */
export function sinkNames(catalog: SinkCatalog): string {
  return catalog.sinks.map((sink) => sink.name).join(', ') || 'none';
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
