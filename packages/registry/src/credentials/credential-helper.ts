import { spawn } from 'node:child_process';
import { throwIfAborted } from '@ocirender/interface';
import { authError, quotedFromServer, redact } from '../errors.ts';
import type { Credentials } from '../options.ts';
import { asRecord, type JsonRecord } from './credential-file.ts';

/** A program that keeps passwords: `docker-credential-NAME`. */
export interface CredentialHelper {
  /** What comes after `docker-credential-`. */
  readonly name: string;
  /** The credential file that names it. */
  readonly namedBy: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it is ended. @defaultValue 30000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The program is not installed. */
export const HELPER_MISSING: unique symbol = Symbol('helper missing');

const TIMEOUT_MS = 30_000;
/** How long the output of a program that has ended is waited for. */
const OUTPUT_MS = 1000;
const MAX_OUTPUT = 256 * 1024;
/** More of what it says of its failure is not kept. */
const MAX_ERRORS = 16 * 1024;
const TOKEN_USER = '<token>';

/**
 * Asks a program for the credentials of a registry.
 *
 * @param key - the registry, as the program knows it
 * @returns undefined when it has none, {@link HELPER_MISSING} when there is no such program
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when it fails or takes too long
 * @see https://github.com/docker/docker-credential-helpers
 */
export async function getFromHelper(
  helper: CredentialHelper,
  key: string,
): Promise<Credentials | undefined | typeof HELPER_MISSING> {
  const output = await runHelper(helper, 'get', key);
  if (output === HELPER_MISSING || output === undefined) return output;
  const { Username: username, Secret: secret } = parseOutput(helper, output);
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  return username === TOKEN_USER ? { identityToken: secret } : { username, password: secret };
}

/** Gives a program credentials to keep. */
export async function storeWithHelper(
  helper: CredentialHelper,
  key: string,
  username: string,
  secret: string,
): Promise<void> {
  const entry = JSON.stringify({ ServerURL: key, Username: username, Secret: secret });
  if ((await runHelper(helper, 'store', entry, [secret])) === HELPER_MISSING) throw missing(helper);
}

/** Lets a program forget a registry; it is no error when it knew nothing of it. */
export async function eraseFromHelper(helper: CredentialHelper, key: string): Promise<void> {
  if ((await runHelper(helper, 'erase', key)) === HELPER_MISSING) throw missing(helper);
}

/** Runs the program. What is secret goes through its standard input, never through its arguments. */
async function runHelper(
  helper: CredentialHelper,
  action: 'get' | 'store' | 'erase',
  input: string,
  secrets: readonly string[] = [],
): Promise<string | undefined | typeof HELPER_MISSING> {
  const { name, signal } = helper;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    throw authError(`${JSON.stringify(name)} is not the name of a credential helper`);
  }
  const program = `docker-credential-${name}`;
  const shown = `${program}, which ${helper.namedBy} names,`;
  throwIfAborted(signal);
  let ended: EndedHelper;
  try {
    ended = await startHelper(program, action, input, helper);
  } catch (error) {
    throwIfAborted(signal);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return HELPER_MISSING;
    throw authError(`${shown} cannot be started: ${(error as Error).message}`, { cause: error });
  }
  const { code, killedBy, output, errors } = ended;
  if (code === 0) return output;
  const said = quotedFromServer(redact(`${output} ${errors}`, secrets));
  if (/credentials not found|no credentials server URL|not found in (native )?keychain/i.test(said))
    return undefined;
  const end = killedBy === undefined ? `failed with status ${code}` : `was ended by ${killedBy}`;
  throw authError(`${shown} ${end} (${action})${said === '' ? '' : `: ${said}`}`);
}

interface EndedHelper {
  readonly code: number | null;
  readonly killedBy?: string;
  readonly output: string;
  /** What it wrote to standard error. */
  readonly errors: string;
}

function startHelper(
  program: string,
  action: string,
  input: string,
  { environment, signal, timeoutMs = TIMEOUT_MS }: CredentialHelper,
): Promise<EndedHelper> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment as NodeJS.ProcessEnv,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      ...(signal === undefined ? {} : { signal }),
    });
    let output = '';
    let errors = '';
    let rest: NodeJS.Timeout | undefined;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.length > MAX_OUTPUT) child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (errors.length < MAX_ERRORS) errors += chunk;
    });
    // A program that ends without reading its input is judged by its exit status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('exit', (code, killedBy) => {
      // Programs that it started may hold its output open for ever.
      if (killedBy === null) {
        rest = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, OUTPUT_MS);
        return;
      }
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, killedBy, output, errors });
    });
    child.on('close', (code) => {
      clearTimeout(rest);
      resolve({ code, output, errors });
    });
  });
}

function parseOutput(helper: CredentialHelper, output: string): JsonRecord {
  try {
    return asRecord(JSON.parse(output)) ?? {};
  } catch {
    // What it printed may be a password.
    throw authError(
      `docker-credential-${helper.name}, which ${helper.namedBy} names, printed something else than JSON (get)`,
    );
  }
}

function missing({ name }: CredentialHelper): Error {
  return authError(`the credential helper docker-credential-${name} is not installed`, {
    hint: 'Install it, or remove it from the credential file.',
  });
}
