import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { requireToken } from '../test/auth-server.ts';
import { FakeRegistry } from '../test/fake-registry.ts';
import type { RegistryEvent } from './events.ts';
import { openRegistryImage } from './open-image.ts';
import type { OpenRegistryImageOptions } from './options.ts';
import { trustedRoots } from './trust.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
const server = { cert: readFileSync(fixture('server.pem')), key: readFileSync(fixture('server.key')) };
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** A directory for what belongs to a user, with certificates for a host. */
function home(host?: string, files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-trust-'));
  directories.push(directory);
  if (host !== undefined) {
    const certificates = join(directory, '.config/containers/certs.d', host);
    mkdirSync(certificates, { recursive: true });
    for (const [name, from] of Object.entries(files)) copyFileSync(fixture(from), join(certificates, name));
  }
  return directory;
}

async function start(options = {}): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ ...server, ...options });
  registry.image(['x'], 'amd64', '1');
  return registry;
}

async function open(host: string, options: OpenRegistryImageOptions = {}): Promise<void> {
  const image = await openRegistryImage(`${host}/a/b:1`, {
    retry: { attempts: 1 },
    platform: 'linux/amd64',
    environment: { HOME: home() },
    ...options,
  });
  await image.close();
}

test('SSL_CERT_FILE is trusted; one that is none is named', async () => {
  const registry = await start();
  await expect(open(registry.host)).rejects.toThrow(/not trusted/);
  await open(registry.host, { environment: { HOME: home(), SSL_CERT_FILE: fixture('ca.pem') } });
  for (const path of [fixture('README.md'), '/no/such/file']) {
    await expect(
      open(registry.host, { environment: { HOME: home(), SSL_CERT_FILE: path } }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: expect.stringContaining(`SSL_CERT_FILE: ${path}`),
    });
  }
});

test("Node's authorities and the system's are trusted, each once, on every Node", () => {
  const directory = home();
  const file = join(directory, 'bundle.pem');
  writeFileSync(file, `# a comment\n${readFileSync(fixture('ca.pem'), 'utf8')}\n`.repeat(2));
  const roots = trustedRoots({ SSL_CERT_FILE: file });
  expect(roots.length).toBeGreaterThan(100);
  expect(roots.filter((pem) => pem.trim() === readFileSync(fixture('ca.pem'), 'utf8').trim())).toHaveLength(
    1,
  );
  expect(trustedRoots({}).length).toBeGreaterThanOrEqual(roots.length - 1);
});

describe('certs.d', () => {
  test('authorities and the certificate to show, for that host and port alone', async () => {
    const ca = readFileSync(fixture('ca.pem'));
    const registry = await start({ ca, requestCert: true });
    const HOME = home(registry.host, { 'ca.crt': 'ca.pem', 'me.cert': 'client.pem', 'me.key': 'client.key' });
    await open(registry.host, { environment: { HOME } });
    expect(new Set(registry.seen.map(({ peer }) => peer))).toEqual(new Set(['tester']));
    const other = await start();
    await expect(open(other.host, { environment: { HOME } })).rejects.toThrow(/not trusted/);
    // What the caller names counts more.
    const named = { ca, cert: readFileSync(fixture('client.pem')), key: readFileSync(fixture('client.key')) };
    await open(registry.host, { environment: { HOME }, tls: named });
  });

  test.each([
    ['me.cert', 'client.pem', '.key'],
    ['me.key', 'client.key', '.cert'],
  ])('half a pair is an error: %s alone', async (name, from, missing) => {
    const registry = await start();
    const HOME = home(registry.host, { 'ca.crt': 'ca.pem', [name]: from });
    await expect(open(registry.host, { environment: { HOME } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: expect.stringMatching(
        new RegExp(`certs\\.d/${registry.host}/${name} has no ${missing} beside it$`),
      ),
    });
  });
});

describe('a certificate that is not checked', () => {
  test('is that of the registry which is named, with an event each time', async () => {
    const registry = await start();
    const events: RegistryEvent[] = [];
    await open(registry.host, { tls: { verify: false }, onEvent: (event) => events.push(event) });
    expect(events[0]).toEqual({ type: 'unverified', host: registry.host, because: '--tls-verify=false' });
  });

  test('is none of another host, and not that of Docker Hub', async () => {
    const registry = await start();
    // By another name of this machine: another host.
    registry.intercepts.push(({ url }, response) => {
      response.writeHead(307, { location: `https://127.0.0.1:${registry.host.split(':')[1]}${url}` });
      response.end();
      return true;
    });
    await expect(open(registry.host, { tls: { verify: false } })).rejects.toThrow(
      /^https:\/\/127\.0\.0\.1.*not trusted/,
    );
    await expect(open('docker.io', { tls: { verify: false } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      hint: expect.stringContaining('HOST/NAME'),
    });
  });

  test('does not let a token server speak plain http', async () => {
    const registry = await start();
    await requireToken(registry);
    await expect(open(registry.host, { tls: { verify: false } })).rejects.toThrow(/plain http/);
  });
});
