import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { OcirenderError } from '@ocirender/interface';
import type { PasswordCredentials, RegistryOptions, RetryOptions, TlsOptions } from '@ocirender/registry';
import { parseDuration } from './parse-duration.ts';
import type { ConnectionFlags, RegistryFlags } from './registry-flags.ts';

/** What the client waits for within a body at first. */
const STALL_MS = 30_000;
/** Longest password that is read. */
const MAX_PASSWORD = 64 * 1024;

/** What the connection flags mean. */
export interface ConnectionSettings {
  readonly credentials?: PasswordCredentials;
  readonly tls?: TlsOptions;
  readonly insecure?: boolean;
  readonly retry?: Partial<RetryOptions>;
}

/**
 * Translates the connection flags; reads certificates and, if asked to, the password.
 *
 * @param flags - parsed flags
 * @param stdin - standard input
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what does not belong together, `ERR_OCIRENDER_IO`
 */
export async function connectionSettings(
  flags: ConnectionFlags,
  stdin: Readable,
): Promise<ConnectionSettings> {
  const [ca, cert, key] = await Promise.all([
    readCertificate('ca-cert', flags['ca-cert']),
    readCertificate('client-cert', flags['client-cert']),
    readCertificate('client-key', flags['client-key']),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw usage('--client-cert and --client-key must be given together');
  }
  const retry = readTimeout(flags.timeout);
  const credentials = await readCredentials(flags, stdin);
  const tls = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(flags['tls-verify'] === 'false' && { verify: false }),
  };
  return {
    ...(credentials && { credentials }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(flags.insecure && { insecure: true }),
    ...(retry && { retry }),
  };
}

/**
 * Translates the flags of commands that fetch images.
 *
 * @throws {OcirenderError} as {@link connectionSettings}
 */
export async function registrySettings(
  flags: RegistryFlags,
  stdin: Readable,
): Promise<Omit<RegistryOptions, 'signal'>> {
  const mirrors = readMirrors(flags['registry-mirror'] ?? []);
  return {
    ...(await connectionSettings(flags, stdin)),
    ...(flags['allow-foreign-layers'] && { foreignLayers: true }),
    ...(mirrors && { mirrors }),
  };
}

/** One time for all kinds of silence; within a body it is reached step by step. */
function readTimeout(text: string | undefined): Partial<RetryOptions> | undefined {
  if (text === undefined) return undefined;
  const limitMs = parseDuration(text);
  if (limitMs === undefined) {
    throw usage(
      `--timeout: ${JSON.stringify(text)} is no time that can be waited for`,
      'Write for example 90s, 15m or 1h30m.',
    );
  }
  return {
    headersTimeoutMs: limitMs,
    blobTimeoutMs: limitMs,
    ...(limitMs < STALL_MS && { stallTimeoutMs: limitMs }),
  };
}

async function readCredentials(
  flags: ConnectionFlags,
  stdin: Readable & { readonly isTTY?: boolean },
): Promise<PasswordCredentials | undefined> {
  const { username } = flags;
  if (!flags['password-stdin']) {
    if (username === undefined) return undefined;
    throw usage('--username needs a password', 'Pipe it in, with --password-stdin.');
  }
  if (username === undefined) throw usage('--password-stdin needs --username');
  if (stdin.isTTY === true) {
    throw usage(
      '--password-stdin: standard input is a terminal, which would show the password',
      'Pipe it in.',
    );
  }
  let password = '';
  for await (const chunk of stdin) {
    password += String(chunk);
    if (password.length > MAX_PASSWORD) throw usage('--password-stdin: that is too long for a password');
  }
  // echo and editors end the line.
  password = password.replace(/\r?\n$/, '');
  if (password === '') throw usage('--password-stdin: the password is empty');
  return { username, password };
}

/** Reads `HOST=URL` pairs; a host may have several mirrors. */
function readMirrors(pairs: readonly string[]): Record<string, string[]> | undefined {
  const mirrors = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1 || equals === pair.length - 1) {
      throw usage(
        '--registry-mirror: HOST=URL is wanted',
        'For example docker.io=https://mirror.example.com.',
      );
    }
    const host = pair.slice(0, equals);
    mirrors.set(host, [...(mirrors.get(host) ?? []), pair.slice(equals + 1)]);
  }
  return mirrors.size === 0 ? undefined : Object.fromEntries(mirrors);
}

async function readCertificate(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `--${flag}: ${path} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

function usage(message: string, hint?: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', message, hint === undefined ? {} : { hint });
}
