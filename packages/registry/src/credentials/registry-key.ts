import { DOCKER_HUB } from '../reference.ts';

/** How Docker Hub is spelled where Docker keeps passwords. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/**
 * Gives the name under which a registry's credentials are kept, as Docker writes it.
 *
 * @param registry - `docker.io`, `registry.example.com:5000`
 */
export function storageKey(registry: string): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
}

/**
 * Brings a key of a credential file to the form `host[:port][/path]`; old ones are addresses (`https://host/v1/`).
 *
 * @param key - as the file spells it
 */
export function normalizeKey(key: string): string {
  const address = /^https?:\/\/([^/]+)(?:\/v[12])?\/?/i.exec(key);
  const name = address === null ? key.replace(/\/+$/, '') : address[1]!;
  const [host, ...path] = name.split('/');
  const lower = (host ?? '').toLowerCase();
  const isHub = lower === 'index.docker.io' || lower === 'registry-1.docker.io';
  const rest = path.filter((part, i) => !(isHub && i === 0 && /^v[12]$/.test(part)));
  return [isHub ? DOCKER_HUB : lower, ...rest].join('/');
}

/**
 * Lists the keys that hold for a repository, the most specific first: containers' `auth.json` may hold credentials
 * for a part of a registry.
 *
 * @param registry - as {@link normalizeKey} spells it
 * @param repository - undefined for the registry as a whole
 */
export function matchingKeys(registry: string, repository: string | undefined): string[] {
  const parts = repository === undefined ? [] : repository.split('/');
  const keys: string[] = [];
  for (let length = parts.length; length >= 0; length--) {
    keys.push([registry.toLowerCase(), ...parts.slice(0, length)].join('/'));
  }
  return keys;
}
