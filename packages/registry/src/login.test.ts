import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireBasic, requireToken } from '../test/auth-server.ts';
import { FakeRegistry } from '../test/fake-registry.ts';
import { temporaryDirectory } from '../test/temporary.ts';
import { login, logout } from './login.ts';

const credentials = { username: 'someone', password: 'secret:word' };
const AUTH = Buffer.from('someone:secret:word').toString('base64');

async function setUp(): Promise<{
  registry: FakeRegistry;
  home: string;
  file: string;
  options: Parameters<typeof login>[1];
}> {
  const home = temporaryDirectory();
  return {
    registry: await FakeRegistry.start(),
    home,
    file: join(home, '.docker/config.json'),
    options: { credentials, insecure: true, environment: { HOME: home, PATH: home }, retry: { attempts: 1 } },
  };
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('login', () => {
  test('checks the password (Basic), then writes a file for its owner only', async () => {
    const { registry, file, options } = await setUp();
    requireBasic(registry, 'someone', 'secret:word');
    expect(await login(registry.host, options)).toEqual({
      registry: registry.host,
      username: 'someone',
      file,
      isVerified: true,
    });
    expect(read(file)).toEqual({ auths: { [registry.host]: { auth: AUTH } } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['config.json']);
  });

  test('checks the password with a token server', async () => {
    const { registry, file, options } = await setUp();
    const auth = await requireToken(registry, { login: 'someone:secret:word' });
    expect((await login(registry.host, options)).isVerified).toBe(true);
    expect(auth.server.seen[0]!.url).toBe('/token?service=test+service&account=someone');
    expect(existsSync(file)).toBe(true);
  });

  test('stores nothing that is refused', async () => {
    const { registry, file, options } = await setUp();
    requireBasic(registry, 'someone', 'other');
    await expect(login(registry.host, options)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_AUTH' });
    const { registry: second, options: others } = await setUp();
    await requireToken(second, { login: 'someone:other' });
    await expect(login(second.host, others)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_AUTH' });
    expect(existsSync(file)).toBe(false);
  });

  test('says when a registry asks for nothing', async () => {
    const { registry, options } = await setUp();
    expect((await login(registry.host, options)).isVerified).toBe(false);
  });

  test('keeps what the file holds, replaces old spellings, keeps a link a link', async () => {
    const { registry, home, file, options } = await setUp();
    mkdirSync(join(home, '.docker'));
    const real = join(home, 'real.json');
    const old = {
      auths: {
        [`https://${registry.host}/v1/`]: { auth: 'b2xk' },
        'other.example': { auth: 'eA==', email: 'x' },
      },
      HttpHeaders: { a: 'b' },
      psFormat: 'x',
    };
    writeFileSync(real, JSON.stringify(old), { mode: 0o644 });
    symlinkSync(real, file);
    await login(registry.host, options);
    expect(read(file)).toEqual({
      ...old,
      auths: { 'other.example': { auth: 'eA==', email: 'x' }, [registry.host]: { auth: AUTH } },
    });
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect(readFileSync(real, 'utf8')).toContain('\n\t"auths": {');
  });

  test('writes to REGISTRY_AUTH_FILE and DOCKER_CONFIG', async () => {
    const { registry, home, options } = await setUp();
    const explicit = join(home, 'a/b/auth.json');
    await login(registry.host, { ...options, environment: { HOME: home, REGISTRY_AUTH_FILE: explicit } });
    expect(existsSync(explicit)).toBe(true);
    await login(registry.host, { ...options, environment: { HOME: home, DOCKER_CONFIG: join(home, 'd') } });
    expect(existsSync(join(home, 'd/config.json'))).toBe(true);
  });

  test('gives the password to the program that keeps them', async () => {
    const { registry, home, file, options } = await setUp();
    const program = join(home, 'docker-credential-test');
    writeFileSync(
      program,
      `#!${process.execPath}
const fs = require('fs');
fs.appendFileSync(${JSON.stringify(join(home, 'log'))}, process.argv[2] + ' ' + fs.readFileSync(0, 'utf8') + '\\n');`,
    );
    chmodSync(program, 0o755);
    mkdirSync(join(home, '.docker'));
    writeFileSync(file, '{"credsStore":"test"}');
    expect(await login(registry.host, options)).toMatchObject({ helper: 'docker-credential-test' });
    expect(read(file)).toEqual({ credsStore: 'test', auths: { [registry.host]: {} } });
    const removed = await logout(registry.host, { environment: options.environment! });
    expect(removed.removedFrom).toEqual(['docker-credential-test', file]);
    expect(read(file)).toEqual({ credsStore: 'test', auths: {} });
    expect(readFileSync(join(home, 'log'), 'utf8').split('\n')).toEqual([
      `store ${JSON.stringify({ ServerURL: registry.host, Username: 'someone', Secret: 'secret:word' })}`,
      `erase ${registry.host}`,
      '',
    ]);
  });

  test.each([
    ['', 'x'],
    ['a:b', 'x'],
    ['a', ''],
  ])('refuses %j with password %j', async (username, password) => {
    const { registry, options } = await setUp();
    await expect(
      login(registry.host, { ...options, credentials: { username, password } }),
    ).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    expect(registry.seen).toEqual([]);
  });
});

describe('logout', () => {
  test('removes the registry from all files and nothing else', async () => {
    const home = temporaryDirectory();
    const files = ['.docker/config.json', 'run/containers/auth.json'].map((name) => join(home, name));
    for (const file of files) {
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(
        file,
        JSON.stringify({
          auths: {
            'https://index.docker.io/v1/': { auth: 'x' },
            'docker.io': {},
            'b.example': { auth: 'y' },
          },
          x: 1,
        }),
      );
    }
    const environment = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
    expect(await logout('docker.io', { environment })).toEqual({ registry: 'docker.io', removedFrom: files });
    for (const file of files) expect(read(file)).toEqual({ auths: { 'b.example': { auth: 'y' } }, x: 1 });
    expect((await logout('docker.io', { environment })).removedFrom).toEqual([]);
  });
});
