import { OcirenderError } from '@ocirender/interface';
import type { RegistryReference } from '../reference.ts';
import type { ConfiguredPlace, ConfiguredRegistry, RegistriesConf } from './read-conf.ts';

/** A server, and what the image is called there. */
export interface Place {
  readonly host: string;
  readonly repository: string;
  /** Plain http, or a certificate that is not checked, is allowed. */
  readonly insecure: boolean;
}

/** Where an image is looked for. */
export interface Route {
  readonly mirrors: readonly Place[];
  /** Instead of what the reference names; undefined for that itself. */
  readonly location?: Place;
  /** The file that says so. */
  readonly file: string;
}

/**
 * Finds out where an image is to be looked for: the registry of `registries.conf` with the longest prefix counts.
 *
 * @returns undefined when no file says anything of it
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is blocked, or leads to no host
 */
export function routeOf(reference: RegistryReference, { registries }: RegistriesConf): Route | undefined {
  const name = `${reference.registry}/${reference.repository}`;
  const found = registries
    .filter(({ prefix }) => isPrefix(prefix, name))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  if (found === undefined) return undefined;
  if (found.blocked) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${found.file} blocks ${found.prefix}: ${name} is not fetched`,
      {
        hint: 'Whoever runs this machine wants it so; take it up with them.',
      },
    );
  }
  const byDigest = reference.digest !== undefined;
  const mirrors = found.mirrors.filter(({ only }) => only === 'all' || (only === 'digest-only') === byDigest);
  const isMoved = found.location !== '' && found.location !== found.prefix;
  return {
    file: found.file,
    mirrors: mirrors.map((mirror) => placeOf(mirror, found, name)),
    ...(isMoved || found.insecure ? { location: placeOf(found, found, name) } : {}),
  };
}

/** Whether a prefix holds for a name, at the end of one of its components; `*.DOMAIN` for hosts below a domain. */
function isPrefix(prefix: string, name: string): boolean {
  if (prefix.startsWith('*.'))
    return name.slice(0, name.indexOf('/')).replace(/:\d+$/, '').endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
}

function placeOf(
  { location, insecure }: ConfiguredPlace,
  { prefix, file }: ConfiguredRegistry,
  name: string,
): Place {
  const replaced = prefix.startsWith('*.') ? name.slice(0, name.indexOf('/')) : prefix;
  const moved = location === '' ? name : `${location}${name.slice(replaced.length)}`;
  const slash = moved.indexOf('/');
  const host = moved.slice(0, Math.max(slash, 0));
  const repository = moved.slice(slash + 1);
  if (!/^[\w.-]+(:\d+)?$|^\[[0-9a-fA-F:]+\](:\d+)?$/.test(host) || !/^[\w./-]+$/.test(repository)) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${file}: ${JSON.stringify(location)} is no place for ${name}`,
      {
        hint: 'A location is HOST[:PORT][/PATH], without https://.',
      },
    );
  }
  return { host, repository, insecure };
}

/**
 * What a name without a host means by `[aliases]`.
 *
 * @param text - as the user wrote it; with a host or the prefix `docker://` it means what it says
 * @returns the same with the alias's name in place of the short one, and the file; undefined where there is no alias
 */
export function resolveAlias(
  text: string,
  { aliases }: RegistriesConf,
): { readonly text: string; readonly file: string } | undefined {
  const end = /^[^:@]*/.exec(text)![0].length;
  const found = aliases.get(text.slice(0, end));
  return found === undefined ? undefined : { text: found.name + text.slice(end), file: found.file };
}
