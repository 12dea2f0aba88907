import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { FakeRegistry } from '../test/fake-registry.ts';
import type { RegistryEvent } from './events.ts';
import { openRegistryImage } from './open-image.ts';
import type { OpenRegistryImageOptions } from './options.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

async function open(
  host: string,
  options: OpenRegistryImageOptions = {},
): Promise<{ error: unknown; retries: number }> {
  const events: RegistryEvent[] = [];
  const error: unknown = await openRegistryImage(`${host}/a/b:1`, {
    environment: {},
    retry: { attempts: 3, backoffMs: 1 },
    onEvent: (event) => events.push(event),
    ...options,
  }).then(
    (image) => image.close(),
    (reason: unknown) => reason,
  );
  return { error, retries: events.filter(({ type }) => type === 'retry').length };
}

describe('the advice is for what is wrong with the certificate', () => {
  test('an unknown authority', async () => {
    const registry = await FakeRegistry.start({ cert: pem('server.pem'), key: pem('server.key') });
    expect(await open(registry.host)).toMatchObject({
      error: { hint: expect.stringMatching(/--ca-cert.*NODE_EXTRA_CA_CERTS/) },
      retries: 0,
    });
  });

  test('another name', async () => {
    const [cert, key] = [pem('other-name.pem'), pem('other-name.key')];
    const registry = await FakeRegistry.start({ cert, key });
    const { error, retries } = await open(registry.host, { tls: { ca: cert } });
    expect(error).toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringMatching(/the server's certificate is for another name: .*DNS:other\.example/),
      hint: expect.not.stringContaining('--ca-cert'),
    });
    expect(retries).toBe(0);
  });

  test('an end that has passed', async () => {
    const [cert, key] = [pem('expired.pem'), pem('expired.key')];
    const registry = await FakeRegistry.start({ cert, key });
    const { error, retries } = await open(registry.host, { tls: { ca: cert } });
    expect(error).toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('has expired'),
      hint: expect.stringMatching(/must renew it\. It is \d{4}-\d\d-\d\d by this machine's clock\.$/),
    });
    expect(retries).toBe(0);
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a server that wants a client certificate (%s) is asked once',
  async (version) => {
    const registry = await FakeRegistry.start({
      cert: pem('server.pem'),
      key: pem('server.key'),
      ca: pem('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });
    const { error, retries } = await open(registry.host, { tls: { ca: pem('ca.pem') } });
    expect(error).toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      hint: expect.stringContaining('--client-cert'),
    });
    expect(retries).toBe(0);
  },
);

test('a key with a password is called so', async () => {
  const tls = { cert: pem('client.pem'), key: pem('client-encrypted.key') };
  await expect(openRegistryImage('localhost:1/x', { tls })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_USAGE',
    message: expect.stringContaining('is encrypted'),
    hint: expect.stringContaining('openssl pkey'),
  });
});

describe('plain http towards a port for TLS', () => {
  test('that ends the connection', async () => {
    const registry = await FakeRegistry.start({ cert: pem('server.pem'), key: pem('server.key') });
    const { error } = await open(registry.host, { insecure: true });
    expect(error).toMatchObject({ hint: expect.stringContaining('leave --insecure') });
  });

  test('that answers with an alert', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.end(Buffer.from('15030300020246', 'hex'));
    });
    const host = await listen(server as unknown as Server);
    const { error, retries } = await open(host, { insecure: true });
    expect(error).toMatchObject({
      message: expect.stringContaining('the server does not answer in HTTP'),
      hint: expect.stringContaining('leave --insecure'),
    });
    expect(retries).toBe(0);
  });

  test.each([
    'Client sent an HTTP request to an HTTPS server.\n',
    '<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>',
  ])('that says so: %s', async (words) => {
    const host = await listen(
      createServer((_, response) => {
        response.statusCode = 400;
        response.end(words);
      }),
    );
    const { error } = await open(host, { insecure: true });
    expect(error).toMatchObject({
      message: expect.stringContaining('HTTPS'),
      hint: expect.stringContaining('leave --insecure'),
    });
  });
});

async function listen(server: Server): Promise<string> {
  ends.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `localhost:${(server.address() as AddressInfo).port}`;
}
