import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrokenPlugin } from '../plugins/catalog.ts';

/**
 * Finds plugins that were installed and that oclif could not load at all: their package is gone or damaged.
 *
 * @param dataDir - oclif's data directory, which holds the list of user plugins
 * @param loaded - names of the plugins that are loaded
 * @returns one record for each that is missing
 */
export async function findMissingPlugins(
  dataDir: string,
  loaded: ReadonlySet<string>,
): Promise<BrokenPlugin[]> {
  const missing: BrokenPlugin[] = [];
  for (const { name, tag } of await installedPlugins(join(dataDir, 'package.json'))) {
    if (loaded.has(name)) continue;
    const reason = `its package cannot be read; install it again or run "ocirender plugins uninstall ${name}"`;
    missing.push({ plugin: { name, version: tag, bundled: false }, reason });
  }
  return missing;
}

async function installedPlugins(path: string): Promise<{ name: string; tag: string }[]> {
  let list: unknown;
  try {
    list = JSON.parse(await readFile(path, 'utf8'))?.oclif?.plugins;
  } catch {
    // No list: nothing was installed. (A damaged one is oclif's to report, and it does.)
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    if (typeof item === 'string') return [{ name: item, tag: '' }];
    if (typeof item !== 'object' || item === null || !('name' in item) || typeof item.name !== 'string')
      return [];
    return [{ name: item.name, tag: 'tag' in item && typeof item.tag === 'string' ? item.tag : '' }];
  });
}
