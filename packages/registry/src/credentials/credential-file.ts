import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OcirenderError } from '@ocirender/interface';
import { authError } from '../errors.ts';
import type { Credentials } from '../options.ts';
import { normalizeKey } from './registry-key.ts';

/** A JSON object of which only some fields matter. */
export type JsonRecord = Record<string, unknown>;

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a credential file: Docker's `config.json` or containers' `auth.json`.
 *
 * @returns its content, undefined when there is none
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when it is not JSON, `ERR_OCIRENDER_IO`; what it holds is not quoted
 */
export async function readCredentialFile(path: string): Promise<JsonRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the credential file ${path} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  return parseCredentials(text, `the credential file ${path}`);
}

/**
 * Reads the text of a credential file.
 *
 * @param what - whose text, for messages
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when it is not JSON; what it holds is not quoted
 */
export function parseCredentials(text: string, what: string): JsonRecord {
  if (text.trim() === '') return {};
  try {
    if (text.length > MAX_BYTES) throw new Error('too long');
    return asRecord(JSON.parse(text)) ?? {};
  } catch {
    // The parser's message quotes the text: that is where the passwords are.
    throw authError(`${what} is not valid JSON`, { hint: 'Mend or remove it.' });
  }
}

/**
 * Replaces a credential file: all or nothing, readable by its owner only. A symbolic link stays one.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_IO`
 */
export async function writeCredentialFile(path: string, content: JsonRecord): Promise<void> {
  let temporary: string | undefined;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path);
    temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(content, undefined, '\t')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the credential file ${path} cannot be written: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** The value as an object, or undefined. */
export function asRecord(value: unknown): JsonRecord | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonRecord)
    : undefined;
}

/** Finds the key of a section (`auths`, `credHelpers`) that holds for the first possible of some keys. */
export function findKey(section: JsonRecord | undefined, wanted: readonly string[]): string | undefined {
  const keys = Object.keys(section ?? {});
  for (const name of wanted) {
    const found = keys.find((key) => normalizeKey(key) === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads an entry of `auths`.
 *
 * @returns undefined when it holds nothing (Docker leaves empty entries where a program keeps the password)
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when it is malformed
 */
export function parseAuthEntry(value: unknown, where: string): Credentials | undefined {
  const entry = asRecord(value) ?? {};
  const text = (name: string): string | undefined => {
    const field = Object.hasOwn(entry, name) ? entry[name] : undefined;
    return typeof field === 'string' && field !== '' ? field : undefined;
  };
  const registryToken = text('registrytoken');
  if (registryToken !== undefined) return { registryToken };
  let username = text('username');
  let password = text('password');
  const auth = text('auth');
  if (auth !== undefined) {
    // Docker pads old entries with NUL.
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon < 1)
      throw authError(`${where}: "auth" is not the base64 form of USER:PASSWORD`, { hint: 'Log in again.' });
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1);
  }
  const identityToken = text('identitytoken');
  if (identityToken !== undefined) return { identityToken, ...(username === undefined ? {} : { username }) };
  return username === undefined || password === undefined ? undefined : { username, password };
}
