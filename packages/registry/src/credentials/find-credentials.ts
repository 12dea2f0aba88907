import { join } from 'node:path';
import { dockerDirectory, homeOf, isOcirenderError } from '@ocirender/interface';
import type { Environment } from '../environment.ts';
import type { Credentials } from '../options.ts';
import {
  asRecord,
  findKey,
  type JsonRecord,
  parseAuthEntry,
  parseCredentials,
  readCredentialFile,
} from './credential-file.ts';
import { type CredentialHelper, getFromHelper, HELPER_MISSING } from './credential-helper.ts';
import { matchingKeys, storageKey } from './registry-key.ts';

/** What was found. */
export interface FoundCredentials {
  readonly credentials?: Credentials;
  /** Why there may be none although the user thinks so: a sentence. */
  readonly problem?: string;
}

/** Where to look. */
export interface LookupContext {
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists the files that may hold credentials; the first that has some for a registry counts.
 *
 * @param environment - `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, `HOME`
 */
export function credentialFiles(environment: Environment): string[] {
  const set = (name: string): string | undefined => environment[name] || undefined;
  const home = homeOf(environment);
  const explicit = set('REGISTRY_AUTH_FILE');
  const runtime = set('XDG_RUNTIME_DIR') ?? `/run/containers/${process.getuid?.() ?? 0}`;
  const inRuntime = set('XDG_RUNTIME_DIR') === undefined ? 'auth.json' : 'containers/auth.json';
  return [
    ...(explicit === undefined ? [] : [explicit]),
    join(dockerDirectory(environment), 'config.json'),
    join(runtime, inRuntime),
    join(set('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers/auth.json'),
  ];
}

/** Something that holds credentials as Docker's `config.json` does. */
interface CredentialSource {
  /** For messages. */
  readonly where: string;
  readonly read: () => Promise<JsonRecord | undefined>;
}

/** The files, the variable `DOCKER_AUTH_CONFIG` (GitLab, Docker 28) after an explicit file, and `~/.dockercfg` at the end. */
function credentialSources(environment: Environment): CredentialSource[] {
  const files = credentialFiles(environment).map((where) => ({
    where,
    read: () => readCredentialFile(where),
  }));
  const text = environment['DOCKER_AUTH_CONFIG'] || undefined;
  const variable = {
    where: 'DOCKER_AUTH_CONFIG',
    read: async () => parseCredentials(text!, 'DOCKER_AUTH_CONFIG'),
  };
  const legacy = join(homeOf(environment), '.dockercfg');
  // Docker before 1.7: entries without anything around them.
  const old = {
    where: legacy,
    read: async () => {
      const auths = await readCredentialFile(legacy);
      return auths === undefined ? undefined : { auths };
    },
  };
  const explicit = environment['REGISTRY_AUTH_FILE'] ? 1 : 0;
  return [
    ...files.slice(0, explicit),
    ...(text === undefined ? [] : [variable]),
    ...files.slice(explicit),
    old,
  ];
}

/**
 * Reads the headers that Docker's `config.json` wants registries to get (`HttpHeaders`). Those that would change who
 * is spoken to, or how, are left out.
 *
 * @returns by lower-case name
 * @see https://docs.docker.com/reference/cli/docker/#custom-http-headers
 */
export async function configuredHeaders(environment: Environment): Promise<Record<string, string>> {
  // What is wrong with the file is told when credentials are looked for in it.
  const file = await readCredentialFile(join(dockerDirectory(environment), 'config.json')).catch(
    () => undefined,
  );
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(asRecord(file?.['HttpHeaders']) ?? {})) {
    const isHeader = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && typeof value === 'string';
    if (isHeader && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && !OWN_HEADERS.has(name.toLowerCase())) {
      headers[name.toLowerCase()] = value;
    }
  }
  return headers;
}

/** Headers that are the client's own affair. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'range',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The file that `login` writes: what `REGISTRY_AUTH_FILE` names, else Docker's. */
export function loginFile(environment: Environment): string {
  return credentialFiles(environment)[0]!;
}

/**
 * Looks credentials up in the credential files and the programs that they name. A program that fails is passed over:
 * what it said is told when the registry refuses.
 *
 * @param registry - `docker.io`, `registry.example.com:5000`
 * @param repository - for entries that hold for a part of a registry
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` for malformed files, `ERR_OCIRENDER_IO`
 */
export async function findCredentials(
  registry: string,
  repository: string | undefined,
  context: LookupContext,
): Promise<FoundCredentials> {
  const wanted = matchingKeys(registry, repository);
  let problem: string | undefined;
  for (const { where, read } of credentialSources(context.environment)) {
    const file = await read();
    if (file === undefined) continue;
    const helper = helperFor(file, registry, where, context);
    if (helper !== undefined) {
      const found = await askHelper(helper);
      if (typeof found === 'string') problem ??= found;
      else if (found !== undefined) return { credentials: found };
    }
    const auths = asRecord(file['auths']);
    const key = findKey(auths, wanted);
    const credentials = key === undefined ? undefined : parseAuthEntry(auths?.[key], `${where}, ${key}`);
    if (credentials !== undefined) return { credentials, ...(problem === undefined ? {} : { problem }) };
  }
  return problem === undefined ? {} : { problem };
}

/** @returns credentials, or a sentence that says why there are none, or undefined when the program knows none */
async function askHelper(
  helper: CredentialHelper & { readonly key: string },
): Promise<Credentials | string | undefined> {
  try {
    const found = await getFromHelper(helper, helper.key);
    if (found !== HELPER_MISSING) return found;
    return `${helper.namedBy} names docker-credential-${helper.name}, which is not installed.`;
  } catch (error) {
    if (!isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_AUTH') throw error;
    return `${error.message}.`;
  }
}

/**
 * Finds the program that a credential file names for a registry: its own (`credHelpers`) or the one for all
 * (`credsStore`).
 */
export function helperFor(
  file: JsonRecord,
  registry: string,
  namedBy: string,
  context: LookupContext,
): (CredentialHelper & { readonly key: string }) | undefined {
  const helpers = asRecord(file['credHelpers']);
  const key = findKey(helpers, matchingKeys(registry, undefined));
  const name = key === undefined ? file['credsStore'] : helpers?.[key];
  if (typeof name !== 'string' || name === '') return undefined;
  return {
    name,
    namedBy,
    key: storageKey(registry),
    environment: context.environment,
    signal: context.signal,
  };
}
