import type { OptionSchema, OutputKind } from '@ocirender/interface';
import type { BrokenPlugin, PluginLike, PluginOrigin } from '../plugins/catalog.ts';
import { readSinkCatalog, type SinkEntry } from './catalog.ts';
import { loadSink } from './load-sink.ts';
import { findMissingPlugins } from './missing-plugins.ts';

/** An installed sink, fully described. */
export interface ListedSink {
  readonly name: string;
  readonly summary: string;
  readonly plugin: PluginOrigin;
  readonly extensions: readonly string[];
  readonly outputs: readonly OutputKind[];
  readonly options: OptionSchema;
}

/** What `ocirender sinks --json` prints. */
export interface SinkListing {
  readonly sinks: readonly ListedSink[];
  readonly broken: readonly BrokenPlugin[];
}

/**
 * Describes every installed sink. Loads all their modules; what cannot be loaded is listed with the reason.
 *
 * @param plugins - oclif's list
 * @param dataDir - oclif's data directory
 * @returns usable and unusable sinks
 */
export async function listSinks(plugins: readonly PluginLike[], dataDir: string): Promise<SinkListing> {
  const catalog = readSinkCatalog(plugins);
  const missing = await findMissingPlugins(dataDir, new Set(plugins.map((plugin) => plugin.name)));
  const results = await Promise.all(catalog.sinks.map(describe));
  return {
    sinks: results.filter((result) => 'options' in result),
    broken: [...catalog.broken, ...results.filter((result) => 'reason' in result), ...missing],
  };
}

async function describe(entry: SinkEntry): Promise<ListedSink | BrokenPlugin> {
  const { name, plugin } = entry;
  try {
    const { summary, extensions, outputs, options } = await loadSink(entry);
    return { name, summary, plugin, extensions, outputs, options };
  } catch (error) {
    return { name, plugin, reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const below = error.cause instanceof Error ? ` (${error.cause.message.split('\n', 1)[0]})` : '';
  return `${error.message}${below}`;
}
