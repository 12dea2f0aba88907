import { OcirenderError } from '@ocirender/interface';
import { RegistryClient } from './client.ts';
import {
  asRecord,
  findKey,
  type JsonRecord,
  readCredentialFile,
  writeCredentialFile,
} from './credentials/credential-file.ts';
import { eraseFromHelper, storeWithHelper } from './credentials/credential-helper.ts';
import { credentialFiles, helperFor, loginFile } from './credentials/find-credentials.ts';
import { matchingKeys, storageKey } from './credentials/registry-key.ts';
import type { PasswordCredentials, RegistryOptions } from './options.ts';
import { parseRegistry } from './reference.ts';

/** Whom to log in. */
export interface LoginOptions extends Omit<RegistryOptions, 'credentials' | 'mirrors' | 'limits'> {
  readonly credentials: PasswordCredentials;
}

/** What a login did. */
export interface LoginReport {
  readonly registry: string;
  readonly username: string;
  /** The credential file that was written. */
  readonly file: string;
  /** The program that keeps the password instead of the file: `docker-credential-NAME`. */
  readonly helper?: string;
  /** False when the registry asked for no credentials: then nobody knows whether they are right. */
  readonly isVerified: boolean;
}

/** What a logout did. */
export interface LogoutReport {
  readonly registry: string;
  /** Credential files and programs from which something was removed. */
  readonly removedFrom: readonly string[];
}

/**
 * Checks a password with a registry, then stores it where Docker does: in `config.json` (or `REGISTRY_AUTH_FILE`), or
 * with the program that this file names.
 *
 * @param registry - `docker.io`, `registry.example.com:5000`
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when the registry refuses: then nothing is stored; `ERR_OCIRENDER_IO`
 */
export async function login(registry: string, options: LoginOptions): Promise<LoginReport> {
  const name = parseRegistry(registry);
  const { credentials, environment = process.env, signal } = options;
  const { username, password } = credentials;
  if (username === '' || username.includes(':') || password === '') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'a user name without ":" and a password are needed');
  }
  const client = new RegistryClient(name, options);
  let isVerified: boolean;
  try {
    isVerified = await client.checkLogin();
  } finally {
    await client.close();
  }
  const file = loginFile(environment);
  const content = (await readCredentialFile(file)) ?? {};
  const helper = helperFor(content, name, file, { environment, signal });
  const report = { registry: name, username, file, isVerified };
  if (helper !== undefined) {
    await storeWithHelper(helper, helper.key, username, password);
    await writeCredentialFile(file, withEntry(content, name, {}));
    return { ...report, helper: `docker-credential-${helper.name}` };
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeCredentialFile(file, withEntry(content, name, { auth }));
  return report;
}

/**
 * Removes a registry's password from all credential files, and from the programs that they name.
 *
 * @param registry - `docker.io`, `registry.example.com:5000`
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when a program fails, `ERR_OCIRENDER_IO`
 */
export async function logout(
  registry: string,
  { environment = process.env, signal }: Pick<RegistryOptions, 'environment' | 'signal'> = {},
): Promise<LogoutReport> {
  const name = parseRegistry(registry);
  const removedFrom: string[] = [];
  for (const path of credentialFiles(environment)) {
    const content = await readCredentialFile(path);
    if (content === undefined) continue;
    const auths = asRecord(content['auths']) ?? {};
    const hasEntry = findKey(auths, matchingKeys(name, undefined)) !== undefined;
    const helper = helperFor(content, name, path, { environment, signal });
    if (helper !== undefined && (hasEntry || content['credsStore'] !== helper.name)) {
      await eraseFromHelper(helper, helper.key);
      removedFrom.push(`docker-credential-${helper.name}`);
    }
    if (!hasEntry) continue;
    await writeCredentialFile(path, withEntry(content, name, undefined));
    removedFrom.push(path);
  }
  return { registry: name, removedFrom };
}

/** The same file with another entry for a registry, or without any. All other fields are kept. */
function withEntry(content: JsonRecord, registry: string, entry: JsonRecord | undefined): JsonRecord {
  const auths = { ...asRecord(content['auths']) };
  const wanted = matchingKeys(registry, undefined);
  for (let key = findKey(auths, wanted); key !== undefined; key = findKey(auths, wanted)) delete auths[key];
  if (entry !== undefined) auths[storageKey(registry)] = entry;
  return { ...content, auths };
}
