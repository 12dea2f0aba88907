import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireToken } from '../packages/registry/test/auth-server.ts';
import { FakeRegistry, type Intercept, sendError, TYPES } from '../packages/registry/test/fake-registry.ts';
import { END_OF_ARCHIVE } from '../packages/tar-header/src/index.ts';
import { CLI } from './support/cli.ts';
import { type Finished, finished, must, start } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

// No credential in any message, log, `--json`, file of the output or redirected request: every command that talks to
// registries is run with known secrets, also where it fails, and all that it prints and sends is searched for them.

const USER = 'some-user';
const PASSWORD = 'pa55-Phrase/with=odd+signs';
const SECRETS = {
  password: PASSWORD,
  'password in base64': Buffer.from(PASSWORD).toString('base64').replace(/=+$/, ''),
  'name and password in base64': Buffer.from(`${USER}:${PASSWORD}`).toString('base64').replace(/=+$/, ''),
  'password in an address': encodeURIComponent(PASSWORD),
  'identity token': 'ident1ty-t0ken-of-somebody',
  'token that was issued': 'token-',
  'password of the proxy': 'pr0xy-Phrase',
  'signature of an address': 'X-Amz-Signature=5ec7e7',
} as const;

let directory: string;
const printed: string[] = [];

beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(() => removeDirectory(directory));

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  password?: string,
): Promise<Finished> {
  const variables = {
    HOME: join(directory, 'home'),
    DEBUG: 'ocirender:*',
    REGISTRY_AUTH_FILE: '',
    DOCKER_CONFIG: '',
    ...env,
  };
  const assigned = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const command = [...assigned, process.execPath, CLI, ...args];
  const input = join(directory, 'input');
  await writeFile(input, password ?? '');
  const result = await finished(
    start('sh', ['-c', 'input="$0"; exec env "$@" < "$input"', input, ...command]),
  );
  printed.push(`$ ocirender ${args.join(' ')}\n${result.stdout}\n${result.stderr}`);
  return result;
}

function expectNoSecrets(text: string, where: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    expect(text.includes(secret) ? `${where} holds the ${name}:\n${text.slice(0, 4000)}` : '').toBe('');
  }
}

/** A registry with a token server, whose blobs lie in a store with signed addresses. */
async function setUp(): Promise<{ registry: FakeRegistry; store: FakeRegistry; tokens: FakeRegistry }> {
  const registry = await FakeRegistry.start();
  const store = await FakeRegistry.start();
  registry.image([END_OF_ARCHIVE], 'amd64', '1');
  for (const [digest, bytes] of registry.blobs) store.blobs.set(digest, bytes);
  const auth = await requireToken(registry, {
    login: `${USER}:${PASSWORD}`,
    refreshToken: SECRETS['identity token'],
  });
  registry.intercepts.push(({ url }, response) => {
    if (!url.includes('/blobs/')) return false;
    response.writeHead(307, { location: `http://${store.host}${url}?X-Amz-Signature=5ec7e7` });
    response.end();
    return true;
  });
  return { registry, store, tokens: auth.server };
}

/** Repeats to the client whatever it sent, as some servers do in their errors. */
const echo: Intercept = ({ headers, url }, response) => {
  sendError(response, 403, 'DENIED', `you sent ${headers.authorization ?? 'nothing'} to ${url}`);
  return true;
};

const login = ['--username', USER, '--password-stdin', '--insecure'];

describe('with known secrets', () => {
  test('commands that succeed', async () => {
    const { registry, store } = await setUp();
    const image = `docker://${registry.host}/a/b:1`;
    expect((await run(['login', registry.host, ...login], {}, PASSWORD)).code).toBe(0);
    for (const args of [
      ['pull', `${registry.host}/a/b:1`, join(directory, 'layout'), '--insecure', '--json'],
      ['pull', `${registry.host}/a/b:1`, join(directory, 'second'), '--insecure', '--progress', 'plain'],
      ['convert', image, '-o', join(directory, 'out.tar'), '--insecure', '--verbose'],
      ['convert', image, '-o', join(directory, 'json.tar'), '--insecure', '--json'],
      ['ls', image, '--insecure'],
      ['inspect', image, '--insecure', '--json'],
      ['verify', join(directory, 'out.tar'), image, '--insecure'],
    ]) {
      expect([args[0], (await run(args)).code]).toEqual([args[0], 0]);
    }
    expect(registry.seen.filter(({ headers }) => headers.authorization?.startsWith('Bearer '))).not.toEqual(
      [],
    );
    expect(store.seen).not.toEqual([]);
    for (const request of store.seen) {
      const { 'X-Amz-Signature': _, ...sent } = { ...request.headers, 'X-Amz-Signature': '' };
      expectNoSecrets(JSON.stringify(sent), 'a request to the blob store');
    }
    expect((await run(['logout', registry.host])).code).toBe(0);
  });

  test('commands that fail, at servers that repeat what they got', async () => {
    const { registry, store, tokens } = await setUp();
    const image = `${registry.host}/a/b:1`;
    const convert = ['convert', `docker://${image}`, '-o', join(directory, 'failed.tar'), ...login];
    expect((await run([...convert, '--json'], {}, `${PASSWORD}-wrong`)).code).not.toBe(0);
    store.intercepts.unshift(echo);
    expect((await run(convert, {}, PASSWORD)).code).not.toBe(0);
    registry.intercepts.unshift(echo);
    expect((await run(convert, {}, PASSWORD)).code).not.toBe(0);
    tokens.intercepts.unshift(echo);
    registry.intercepts.shift();
    expect((await run(['login', registry.host, ...login], {}, PASSWORD)).code).not.toBe(0);
    expect(
      (await run(['pull', `docker://${USER}:${PASSWORD}@${image}`, join(directory, 'x')])).code,
    ).not.toBe(0);
    const proxy = `http://user:${SECRETS['password of the proxy']}@127.0.0.1:1`;
    for (const address of [proxy, proxy.replace('http', 'nonsense')]) {
      const args = ['pull', 'registry.example/a:1', join(directory, 'x'), '--insecure', '--timeout', '1'];
      expect((await run(args, { ALL_PROXY: address })).code).not.toBe(0);
    }
  }, 180_000);

  test('programs and files that hold them', async () => {
    const { registry } = await setUp();
    const bin = join(directory, 'bin');
    await mkdir(bin, { recursive: true });
    const helper = join(bin, 'docker-credential-talks');
    await writeFile(helper, `#!/bin/sh\necho '{"Username":"${USER}","Secret":"${PASSWORD}'\n`);
    await chmod(helper, 0o755);
    const config = join(directory, 'config');
    await mkdir(config, { recursive: true });
    const write = (content: unknown): Promise<void> =>
      writeFile(join(config, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));
    const env = { DOCKER_CONFIG: config, PATH: `${bin}:${process.env['PATH']}` };
    const pull = ['pull', `${registry.host}/a/b:1`, join(directory, 'y'), '--insecure'];
    await write({ credsStore: 'talks' });
    expect((await run(pull, env)).code).not.toBe(0);
    await write(
      `{"auths": {"${registry.host}": {"auth": "${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}"`,
    );
    expect((await run(pull, env)).code).not.toBe(0);
    await write({ auths: { [registry.host]: { identitytoken: SECRETS['identity token'] } } });
    expect((await run(pull, env)).code).toBe(0);
    const variable = { DOCKER_AUTH_CONFIG: `{"auths": {"x": {"password": "${PASSWORD}"` };
    expect((await run([...pull, '--progress', 'plain'], { ...env, ...variable })).code).not.toBe(0);
  });

  test('nothing of them was printed, and nothing is in what was written but the file for them', async () => {
    expect(printed.length).toBeGreaterThan(15);
    for (const text of printed) {
      // The command line itself holds one, in the address that is refused.
      expectNoSecrets(text.replace(/^.*\n/, ''), text.split('\n')[0]!);
    }
    for (const layout of ['layout', 'second', 'y']) {
      const text = await readFile(join(directory, layout, 'index.json'), 'utf8');
      expect(text).toContain(TYPES.manifest);
      expectNoSecrets(text, `${layout}/index.json`);
    }
    expect(await must('grep', ['-rlF', PASSWORD, directory]).catch(() => '')).not.toContain('.tar');
    expect(await readdir(directory)).not.toContain('x');
  });
});
