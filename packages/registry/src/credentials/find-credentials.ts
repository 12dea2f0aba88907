import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../options.ts';
import { asRecord, findKey, type JsonRecord, parseAuthEntry, readCredentialFile } from './credential-file.ts';
import { type CredentialHelper, getFromHelper, HELPER_MISSING } from './credential-helper.ts';
import { matchingKeys, storageKey } from './registry-key.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

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
    join(set('DOCKER_CONFIG') ?? join(home, '.docker'), 'config.json'),
    join(runtime, inRuntime),
    join(set('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers/auth.json'),
  ];
}

/** The file that `login` writes: what `REGISTRY_AUTH_FILE` names, else Docker's. */
export function loginFile(environment: Environment): string {
  return credentialFiles(environment)[0]!;
}

function homeOf(environment: Environment): string {
  return environment['HOME'] || environment['USERPROFILE'] || homedir();
}

/**
 * Looks credentials up in the credential files and the programs that they name.
 *
 * @param registry - `docker.io`, `registry.example.com:5000`
 * @param repository - for entries that hold for a part of a registry
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` for malformed files and failing programs, `ERR_OCIRENDER_IO`
 */
export async function findCredentials(
  registry: string,
  repository: string | undefined,
  context: LookupContext,
): Promise<FoundCredentials> {
  const wanted = matchingKeys(registry, repository);
  let problem: string | undefined;
  for (const path of credentialFiles(context.environment)) {
    const file = await readCredentialFile(path);
    if (file === undefined) continue;
    const helper = helperFor(file, registry, context);
    if (helper !== undefined) {
      const found = await getFromHelper(helper, helper.key);
      if (found === HELPER_MISSING)
        problem ??= `${path} names docker-credential-${helper.name}, which is not installed.`;
      else if (found !== undefined) return { credentials: found };
    }
    const auths = asRecord(file['auths']);
    const key = findKey(auths, wanted);
    const credentials = key === undefined ? undefined : parseAuthEntry(auths?.[key], `${path}, ${key}`);
    if (credentials !== undefined) return { credentials };
  }
  return problem === undefined ? {} : { problem };
}

/**
 * Finds the program that a credential file names for a registry: its own (`credHelpers`) or the one for all
 * (`credsStore`).
 */
export function helperFor(
  file: JsonRecord,
  registry: string,
  context: LookupContext,
): (CredentialHelper & { readonly key: string }) | undefined {
  const helpers = asRecord(file['credHelpers']);
  const key = findKey(helpers, matchingKeys(registry, undefined));
  const name = key === undefined ? file['credsStore'] : helpers?.[key];
  if (typeof name !== 'string' || name === '') return undefined;
  return { name, key: storageKey(registry), environment: context.environment, signal: context.signal };
}
