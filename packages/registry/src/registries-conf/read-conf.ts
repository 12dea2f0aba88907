import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homeOf, OcirenderError } from '@ocirender/interface';
import type { Environment } from '../environment.ts';

/** One server at which images may be found. */
export interface ConfiguredPlace {
  /** `HOST[:PORT][/PATH]`, which takes the place of the prefix; empty to keep the name as it is. */
  readonly location: string;
  /** Plain http, or a certificate that is not checked. */
  readonly insecure: boolean;
}

/** A mirror: `pull-from-mirror` says for which references. */
export interface ConfiguredMirror extends ConfiguredPlace {
  readonly only: 'all' | 'digest-only' | 'tag-only';
}

/** A table `[[registry]]`. */
export interface ConfiguredRegistry extends ConfiguredPlace {
  /** What names must begin with: `HOST[:PORT][/PATH]`, or `*.DOMAIN`. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly ConfiguredMirror[];
  /** The file that has it. */
  readonly file: string;
}

/** What all files say together. */
export interface RegistriesConf {
  readonly registries: readonly ConfiguredRegistry[];
  /** Names without a host, and what they mean: `HOST/PATH`, with the file that says so. */
  readonly aliases: ReadonlyMap<string, { readonly name: string; readonly file: string }>;
}

/**
 * Lists the files that hold for a user, the most important last: the user's own or the system's, then those of
 * `registries.conf.d`. What `CONTAINERS_REGISTRIES_CONF` names is the only one.
 *
 * @see https://github.com/containers/image/blob/v5.24.0/docs/containers-registries.conf.5.md
 * @see https://github.com/containers/image/blob/v5.24.0/docs/containers-registries.conf.d.5.md
 */
async function configurationFiles(environment: Environment): Promise<{ main: string[]; parts: string[] }> {
  const explicit = environment['CONTAINERS_REGISTRIES_CONF'] || environment['REGISTRIES_CONFIG_PATH'];
  if (explicit) return { main: [explicit], parts: [] };
  const own = join(environment['XDG_CONFIG_HOME'] || join(homeOf(environment), '.config'), 'containers');
  const parts: string[] = [];
  for (const directory of ['/etc/containers/registries.conf.d', join(own, 'registries.conf.d')]) {
    const names = await readdir(directory).catch(() => []);
    parts.push(
      ...names
        .filter((name) => name.endsWith('.conf'))
        .sort()
        .map((name) => join(directory, name)),
    );
  }
  return { main: [join(own, 'registries.conf'), '/etc/containers/registries.conf'], parts };
}

/**
 * Reads `registries.conf` (version 2).
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is malformed, with file and field; `ERR_OCIRENDER_IO`
 */
export async function readRegistriesConf(environment: Environment): Promise<RegistriesConf> {
  const { main, parts } = await configurationFiles(environment);
  const registries = new Map<string, ConfiguredRegistry>();
  const aliases = new Map<string, { name: string; file: string }>();
  const take = async (file: string): Promise<boolean> => {
    const text = await readIfThere(file);
    if (text === undefined) return false;
    const parsed = await parseConf(text, file);
    for (const registry of parsed.registries) registries.set(registry.prefix, registry);
    for (const [alias, name] of parsed.aliases) {
      if (name === '') aliases.delete(alias);
      else aliases.set(alias, { name, file });
    }
    return true;
  };
  for (const file of main) if (await take(file)) break;
  for (const file of parts) await take(file);
  return { registries: [...registries.values()], aliases };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new OcirenderError('ERR_OCIRENDER_IO', `${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

type Table = Readonly<Record<string, unknown>>;

/** Takes one file apart. */
export async function parseConf(
  text: string,
  file: string,
): Promise<{ registries: ConfiguredRegistry[]; aliases: [string, string][] }> {
  // Loaded here: most machines have no such file.
  const { parse } = await import('smol-toml');
  let document: Table;
  try {
    document = parse(text);
  } catch (error) {
    throw malformed(file, `is not TOML: ${(error as Error).message.split('\n')[0]}`, error);
  }
  if (document['registries'] !== undefined) {
    throw malformed(file, 'is of version 1, which is obsolete ([registries.search] and the like)');
  }
  const tables = arrayOf(document['registry'], file, 'registry');
  const aliases = tableOf(document['aliases'] ?? {}, file, 'aliases');
  return {
    registries: tables.map((table, i) => parseRegistry(table, file, `registry[${i}]`)),
    aliases: Object.entries(aliases).map(([alias, name]) => [
      alias,
      stringOf(name, file, `aliases.${alias}`),
    ]),
  };
}

function parseRegistry(table: Table, file: string, where: string): ConfiguredRegistry {
  const location = stringOf(table['location'] ?? '', file, `${where}.location`).replace(/\/+$/, '');
  const prefix = stringOf(table['prefix'] ?? '', file, `${where}.prefix`).replace(/\/+$/, '') || location;
  if (prefix === '') throw malformed(file, `${where} has neither a prefix nor a location`);
  const byDigestOnly = booleanOf(table['mirror-by-digest-only'], file, `${where}.mirror-by-digest-only`);
  return {
    prefix,
    location,
    file,
    insecure: booleanOf(table['insecure'], file, `${where}.insecure`),
    blocked: booleanOf(table['blocked'], file, `${where}.blocked`),
    mirrors: arrayOf(table['mirror'], file, `${where}.mirror`).map((mirror, i) => {
      const only = stringOf(
        mirror['pull-from-mirror'] ?? 'all',
        file,
        `${where}.mirror[${i}].pull-from-mirror`,
      );
      if (only !== 'all' && only !== 'digest-only' && only !== 'tag-only') {
        throw malformed(file, `${where}.mirror[${i}].pull-from-mirror must be all, digest-only or tag-only`);
      }
      const place = stringOf(mirror['location'], file, `${where}.mirror[${i}].location`).replace(/\/+$/, '');
      return {
        location: place,
        insecure: booleanOf(mirror['insecure'], file, `${where}.mirror[${i}].insecure`),
        only: byDigestOnly ? 'digest-only' : only,
      };
    }),
  };
}

function arrayOf(value: unknown, file: string, where: string): Table[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw malformed(file, `${where} must be an array of tables`);
  return value.map((item, i) => tableOf(item, file, `${where}[${i}]`));
}

function tableOf(value: unknown, file: string, where: string): Table {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Table;
  throw malformed(file, `${where} must be a table`);
}

function stringOf(value: unknown, file: string, where: string): string {
  if (typeof value === 'string') return value;
  throw malformed(file, `${where} must be a string`);
}

function booleanOf(value: unknown, file: string, where: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw malformed(file, `${where} must be true or false`);
}

function malformed(file: string, why: string, cause?: unknown): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', `${file}: ${why}`, {
    hint: 'Mend it (man 5 containers-registries.conf), or name another file in CONTAINERS_REGISTRIES_CONF.',
    ...(cause === undefined ? {} : { cause }),
  });
}
