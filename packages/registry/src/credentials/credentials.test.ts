import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/temporary.ts';
import type { Environment } from '../environment.ts';
import type { Credentials } from '../options.ts';
import { getFromHelper } from './credential-helper.ts';
import { configuredHeaders, credentialFiles, findCredentials } from './find-credentials.ts';
import { matchingKeys, normalizeKey } from './registry-key.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64');

function write(path: string, content: unknown): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** Puts a program `docker-credential-NAME` (a script of this Node) on a PATH of its own. */
function helper(name: string, script: string): Environment {
  const directory = temporaryDirectory();
  const path = write(join(directory, `docker-credential-${name}`), `#!${process.execPath}\n${script}`);
  chmodSync(path, 0o755);
  return { PATH: directory, HOME: temporaryDirectory() };
}

const ECHO = `
const [action] = process.argv.slice(2);
let input = '';
process.stdin.on('data', (chunk) => (input += chunk)).on('end', () => {
  if (input === 'none.example') { console.log('credentials not found in native keychain'); process.exit(1); }
  const Username = input === 'token.example' ? '<token>' : 'user of ' + input;
  console.log(JSON.stringify({ ServerURL: input, Username, Secret: action + ' secret' }));
});`;

async function lookUp(
  environment: Environment,
  registry: string,
  repository?: string,
): Promise<Credentials | undefined> {
  return (await findCredentials(registry, repository, { environment })).credentials;
}

describe('credential files', () => {
  test('are looked at in this order', () => {
    const home = { HOME: '/home/x' };
    expect(credentialFiles({ ...home, XDG_RUNTIME_DIR: '/run/user/1' })).toEqual([
      '/home/x/.docker/config.json',
      '/run/user/1/containers/auth.json',
      '/home/x/.config/containers/auth.json',
    ]);
    expect(
      credentialFiles({
        ...home,
        REGISTRY_AUTH_FILE: '/a.json',
        DOCKER_CONFIG: '/d',
        XDG_CONFIG_HOME: '/c',
        XDG_RUNTIME_DIR: '/r',
      }),
    ).toEqual(['/a.json', '/d/config.json', '/r/containers/auth.json', '/c/containers/auth.json']);
  });

  test('the first that has an entry counts', async () => {
    const home = temporaryDirectory();
    const environment = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
    const entry = (user: string): object => ({ auth: encode(`${user}:p`) });
    write(join(home, '.config/containers/auth.json'), {
      auths: { 'a.example': entry('config'), 'b.example': entry('config'), 'c.example': entry('config') },
    });
    write(join(home, 'run/containers/auth.json'), {
      auths: { 'a.example': entry('run'), 'b.example': entry('run') },
    });
    write(join(home, '.docker/config.json'), { auths: { 'a.example': entry('docker') } });
    expect(await lookUp(environment, 'a.example')).toEqual({ username: 'docker', password: 'p' });
    expect(await lookUp(environment, 'b.example')).toEqual({ username: 'run', password: 'p' });
    expect(await lookUp(environment, 'c.example')).toEqual({ username: 'config', password: 'p' });
    expect(await lookUp(environment, 'd.example')).toBeUndefined();
    const explicit = write(join(home, 'explicit.json'), { auths: { 'a.example': entry('explicit') } });
    expect(await lookUp({ ...environment, REGISTRY_AUTH_FILE: explicit }, 'a.example')).toEqual({
      username: 'explicit',
      password: 'p',
    });
  });

  test.each<[string, unknown, Credentials | undefined]>([
    ['auth', { auth: encode('user:pass:word') }, { username: 'user', password: 'pass:word' }],
    ['auth padded with NUL', { auth: encode('user:pw\0\0') }, { username: 'user', password: 'pw' }],
    ['text beyond ASCII', { auth: encode('üser:pä') }, { username: 'üser', password: 'pä' }],
    ['username and password', { username: 'u', password: 'p' }, { username: 'u', password: 'p' }],
    ['identitytoken', { auth: encode('u:'), identitytoken: 'idt' }, { identityToken: 'idt', username: 'u' }],
    ['registrytoken', { registrytoken: 'rt' }, { registryToken: 'rt' }],
    ['nothing', {}, undefined],
    ['no object', 7, undefined],
  ])('entry with %s', async (_, entry, expected) => {
    const home = temporaryDirectory();
    write(join(home, '.docker/config.json'), { auths: { 'r.example:5000': entry } });
    expect(await lookUp({ HOME: home }, 'r.example:5000')).toEqual(expected);
  });

  test('DOCKER_AUTH_CONFIG comes before the files, but for one that is named; ~/.dockercfg comes last', async () => {
    const home = temporaryDirectory();
    const entry = (user: string): object => ({ auth: encode(`${user}:p`) });
    write(join(home, '.dockercfg'), { 'https://a.example/v1/': entry('old'), 'b.example': entry('old') });
    write(join(home, '.docker/config.json'), { auths: { 'b.example': entry('docker') } });
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'b.example': entry('variable') } });
    const user = async (environment: Environment, registry: string): Promise<unknown> => {
      const found = await lookUp({ HOME: home, ...environment }, registry);
      return found !== undefined && 'username' in found ? found.username : undefined;
    };
    expect(await user({}, 'a.example')).toBe('old');
    expect(await user({}, 'b.example')).toBe('docker');
    expect(await user({ DOCKER_AUTH_CONFIG }, 'b.example')).toBe('variable');
    const explicit = write(join(home, 'explicit.json'), { auths: { 'b.example': entry('explicit') } });
    expect(await user({ DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE: explicit }, 'b.example')).toBe('explicit');
    const secret = '{"auths": {"b.example": "secret"';
    const error: unknown = await user({ DOCKER_AUTH_CONFIG: secret }, 'b.example').catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_OCIRENDER_AUTH' });
    expect((error as Error).message).toBe('DOCKER_AUTH_CONFIG is not valid JSON');
  });

  test("headers that Docker's config.json wants sent: not those that are the client's own", async () => {
    const home = temporaryDirectory();
    write(join(home, '.docker/config.json'), {
      HttpHeaders: {
        'X-Meta-Build': '7',
        Authorization: 'Basic x',
        Host: 'other',
        'bad name': 'x',
        'X-Bad': 'a\r\nb',
        'X-Number': 5,
        'User-Agent': 'mine',
      },
    });
    expect(await configuredHeaders({ HOME: home })).toEqual({ 'x-meta-build': '7', 'user-agent': 'mine' });
    write(join(home, '.docker/config.json'), 'not JSON');
    expect(await configuredHeaders({ HOME: home })).toEqual({});
    expect(await configuredHeaders({ HOME: temporaryDirectory() })).toEqual({});
  });

  test('Docker Hub and old keys are found under all their names', async () => {
    for (const key of [
      'https://index.docker.io/v1/',
      'index.docker.io',
      'docker.io',
      'registry-1.docker.io',
      'index.docker.io/v1',
    ]) {
      const home = temporaryDirectory();
      write(join(home, '.docker/config.json'), { auths: { [key]: { auth: encode('hub:p') } } });
      expect(await lookUp({ HOME: home }, 'docker.io', 'library/nginx')).toEqual({
        username: 'hub',
        password: 'p',
      });
    }
    expect(normalizeKey('https://Example.com:5000/v2/')).toBe('example.com:5000');
    expect(normalizeKey('http://example.com')).toBe('example.com');
  });

  test('entries for a part of a registry: the most specific counts', async () => {
    expect(matchingKeys('quay.io', 'a/b/c')).toEqual([
      'quay.io/a/b/c',
      'quay.io/a/b',
      'quay.io/a',
      'quay.io',
    ]);
    const home = temporaryDirectory();
    write(join(home, '.config/containers/auth.json'), {
      auths: { 'quay.io': { auth: encode('all:p') }, 'quay.io/team': { auth: encode('team:p') } },
    });
    expect(await lookUp({ HOME: home }, 'quay.io', 'team/app')).toEqual({ username: 'team', password: 'p' });
    expect(await lookUp({ HOME: home }, 'quay.io', 'teams/app')).toEqual({ username: 'all', password: 'p' });
    expect(await lookUp({ HOME: home }, 'quay.io')).toEqual({ username: 'all', password: 'p' });
  });

  test.each([
    ['not JSON', '{"auths": {"secret'],
    ['auth that is no pair', { auths: { 'a.example': { auth: encode('secret') } } }],
  ])('%s is an error that quotes nothing', async (_, content) => {
    const home = temporaryDirectory();
    write(join(home, '.docker/config.json'), content);
    const error: unknown = await lookUp({ HOME: home }, 'a.example').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      message: expect.stringContaining('config.json'),
    });
    expect(String(error)).not.toContain('secret');
  });

  test('odd but valid content is no credentials', async () => {
    for (const content of [
      '',
      '[]',
      'null',
      '{"auths":[]}',
      '{"auths":null,"credHelpers":3,"credsStore":7}',
    ]) {
      const home = temporaryDirectory();
      write(join(home, '.docker/config.json'), content);
      expect(await lookUp({ HOME: home }, 'a.example')).toBeUndefined();
    }
  });
});

describe('credential helpers', () => {
  test('of one registry, and of all', async () => {
    const environment = helper('test', ECHO);
    write(join(environment['HOME']!, '.docker/config.json'), {
      credHelpers: { 'one.example': 'test' },
      auths: { 'other.example': { auth: encode('plain:p') } },
    });
    expect(await lookUp(environment, 'one.example')).toEqual({
      username: 'user of one.example',
      password: 'get secret',
    });
    expect(await lookUp(environment, 'other.example')).toEqual({ username: 'plain', password: 'p' });
    write(join(environment['HOME']!, '.docker/config.json'), {
      credsStore: 'test',
      auths: { 'none.example': { auth: encode('plain:p') } },
    });
    expect(await lookUp(environment, 'docker.io')).toEqual({
      username: 'user of https://index.docker.io/v1/',
      password: 'get secret',
    });
    expect(await lookUp(environment, 'token.example')).toEqual({ identityToken: 'get secret' });
    // The program knows nothing of it: what the file says counts.
    expect(await lookUp(environment, 'none.example')).toEqual({ username: 'plain', password: 'p' });
  });

  test('that are not installed are passed over, and named when credentials turn out to be missing', async () => {
    const home = temporaryDirectory();
    const path = write(join(home, '.docker/config.json'), { credsStore: 'desktop' });
    expect(
      await findCredentials('a.example', undefined, { environment: { HOME: home, PATH: home } }),
    ).toEqual({
      problem: `${path} names docker-credential-desktop, which is not installed.`,
    });
  });

  test.each([
    [
      'that fail',
      "console.log('the keychain is locked'); process.exit(3);",
      'docker-credential-bad, which /config.json names, failed with status 3 (get): the keychain is locked',
    ],
    [
      'that say why on standard error',
      "console.error('no\\nD-Bus session'); process.exit(1);",
      'failed with status 1 (get): no D-Bus session',
    ],
    ['that print something else', "console.log('my-secret');", 'printed something else than JSON'],
    ['that never end', 'setInterval(() => {}, 1000);', 'was ended by SIGKILL'],
    [
      'that print without end',
      "for (;;) require('fs').writeSync(1, 'x'.repeat(65536));",
      'was ended by SIGKILL',
    ],
  ])('%s', async (_, script, message) => {
    const environment = helper('bad', script);
    const error: unknown = await getFromHelper(
      { name: 'bad', namedBy: '/config.json', environment, timeoutMs: 1500 },
      'a.example',
    ).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_OCIRENDER_AUTH', message: expect.stringContaining(message) });
    expect(String(error)).not.toContain('my-secret');
  });

  test('that fail do not keep from what else there is: entries, the next file, or nobody', async () => {
    const environment = helper('broken', "console.error('locked'); process.exit(1);");
    const home = environment['HOME']!;
    const path = write(join(home, '.docker/config.json'), {
      credsStore: 'broken',
      auths: { 'a.example': { auth: encode('u:p') } },
    });
    write(join(home, '.config/containers/auth.json'), { auths: { 'b.example': { auth: encode('v:q') } } });
    expect(await lookUp(environment, 'a.example')).toEqual({ username: 'u', password: 'p' });
    expect(await lookUp(environment, 'b.example')).toEqual({ username: 'v', password: 'q' });
    expect(await findCredentials('c.example', undefined, { environment })).toEqual({
      problem: `docker-credential-broken, which ${path} names, failed with status 1 (get): locked.`,
    });
  });

  test('that leave a program behind which keeps their output open', async () => {
    const environment = helper(
      'daemon',
      `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 8000)'], { stdio: 'inherit', detached: true }).unref();
console.log('{"Username":"u","Secret":"s"}');`,
    );
    expect(
      await getFromHelper({ name: 'daemon', namedBy: '/config.json', environment }, 'a.example'),
    ).toEqual({
      username: 'u',
      password: 's',
    });
  });

  test('that have nothing, or names that lead elsewhere', async () => {
    const environment = helper('empty', "console.log('{}');");
    expect(
      await getFromHelper({ name: 'empty', namedBy: '/config.json', environment }, 'a.example'),
    ).toBeUndefined();
    await expect(
      getFromHelper({ name: '../x', namedBy: '/config.json', environment }, 'a.example'),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
    });
  });
});
