import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { collect, FakeRegistry } from '../test/fake-registry.ts';
import { openRegistryImage } from './open-image.ts';
import { chooseProxy, isExempt } from './proxy-choice.ts';

const https = new URL('https://registry.example.com/v2/');
const http = new URL('http://registry.example.com:5000/v2/');

describe('the proxy of the environment', () => {
  test.each<[Record<string, string>, URL, string | undefined]>([
    [{}, https, undefined],
    [{ https_proxy: 'http://a:1' }, https, 'http://a:1/'],
    [{ HTTPS_PROXY: 'http://a:1' }, https, 'http://a:1/'],
    [{ https_proxy: 'http://a:1' }, http, undefined],
    [{ http_proxy: 'http://a:1' }, https, 'http://a:1/'],
    [{ ALL_PROXY: 'http://a:1' }, https, 'http://a:1/'],
    [{ all_proxy: 'http://a:1', http_proxy: 'http://b:1' }, http, 'http://b:1/'],
    // An empty one is none.
    [{ http_proxy: '', HTTP_PROXY: 'http://a:1' }, http, 'http://a:1/'],
    [{ HTTPS_PROXY: 'proxy.example:3128' }, https, 'http://proxy.example:3128/'],
    [{ HTTPS_PROXY: '10.0.0.1:3128' }, https, 'http://10.0.0.1:3128/'],
    [{ HTTPS_PROXY: 'socks5h://a:1080' }, https, 'socks5h://a:1080'],
    [{ HTTPS_PROXY: 'http://a:1', NO_PROXY: 'example.com' }, https, undefined],
  ])('%j', (environment, url, expected) => {
    expect(chooseProxy(url, environment)?.url.href).toBe(expected);
  });

  test.each(['ftp://a', 'http://', 'socks9://a:1', 'http://user:secret@[bad'])(
    '%s is refused by its name',
    (proxy) => {
      expect(() => chooseProxy(https, { ALL_PROXY: proxy })).toThrow(
        /^the proxy that ALL_PROXY names is not usable$/,
      );
    },
  );
});

describe('no_proxy', () => {
  const address = (host: string): URL => new URL(`https://${host}/`);
  test.each<[string, string, boolean]>([
    ['*', 'a.example', true],
    ['a.example', 'a.example', true],
    ['a.example', 'b.a.example', true],
    ['.a.example', 'b.a.example', true],
    ['*.a.example', 'b.a.example', true],
    ['a.example', 'ba.example', false],
    ['A.example', 'a.example', true],
    ['x, a.example', 'a.example', true],
    ['x a.example', 'a.example', true],
    ['a.example:443', 'a.example', true],
    ['a.example:444', 'a.example', false],
    ['a.example:444', 'a.example:444', true],
    ['10.0.0.0/8', '10.200.3.4', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', 'a.example', false],
    ['10.0.0.0/40', '10.0.0.1', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3:444', '10.1.2.3:444', true],
    ['fd00::/8', '[fd12::1]', true],
    ['fd00::/8', '[fe80::1]', false],
    ['[fd00::1]', '[fd00::1]', true],
    ['fd00::1', '[fd00:0::1]', true],
    ['', 'a.example', false],
  ])('%s exempts %s: %j', (list, host, expected) => {
    expect(isExempt(address(host), list)).toBe(expected);
  });
});

test('a proxy that is not there is named', async () => {
  const environment = { HTTPS_PROXY: 'http://user:secret@127.0.0.1:1' };
  const opening = openRegistryImage('registry.test/a/b:1', { retry: { attempts: 1 }, environment });
  await expect(opening).rejects.toThrow(
    /^https:\/\/registry\.test\/v2\/a\/b\/manifests\/1 \(through the proxy 127\.0\.0\.1:1\): the connection was refused$/,
  );
});

describe('a SOCKS proxy', () => {
  const closing: (() => void)[] = [];
  afterAll(() => {
    for (const close of closing) close();
  });

  /** Speaks as much SOCKS 5 as a client asks for, and connects everything to one port. */
  async function startSocks(target: string, login?: string): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((socket) => void serve(socket));
    const serve = async (socket: Socket): Promise<void> => {
      socket.on('error', () => {});
      const next = (): Promise<Buffer> => new Promise((resolve) => socket.once('data', resolve));
      const methods = await next();
      if (login === undefined) socket.write(Buffer.from([5, 0]));
      else {
        socket.write(Buffer.from([5, methods.includes(2) ? 2 : 255]));
        const given = await next();
        const name = given.subarray(2, 2 + given[1]!).toString();
        const word = given.subarray(3 + given[1]!).toString();
        socket.write(Buffer.from([1, `${name}:${word}` === login ? 0 : 1]));
        if (`${name}:${word}` !== login) return;
      }
      const request = await next();
      const length = request[4]!;
      asked.push(`${request.subarray(5, 5 + length).toString()}:${request.readUInt16BE(5 + length)}`);
      const upstream = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      closing.push(() => upstream.destroy());
    };
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    return { url: `socks5://${login === undefined ? '' : `${login}@`}127.0.0.1:${port}`, asked };
  }

  const pem = (name: string): Buffer =>
    readFileSync(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
  const retry = { attempts: 1 };

  test('leads to plain http and to TLS; it looks the name up', async () => {
    const plain = await FakeRegistry.start();
    plain.image(['x'], 'amd64', '1');
    const socks = await startSocks(plain.host, 'user:word');
    const options = { retry, platform: 'linux/amd64', environment: { ALL_PROXY: socks.url } };
    const image = await openRegistryImage('registry.test:5000/a/b:1', { ...options, insecure: true });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('x');
    await image.close();
    expect(new Set(socks.asked)).toEqual(new Set(['registry.test:5000']));

    const secure = await FakeRegistry.start({ cert: pem('server.pem'), key: pem('server.key') });
    const second = await startSocks(secure.host);
    await expect(
      openRegistryImage('registry.test/a/b:1', {
        retry,
        tls: { ca: pem('ca.pem') },
        environment: { HTTPS_PROXY: second.url },
      }),
      // The certificate is that of localhost: TLS came as far as that.
    ).rejects.toThrow(/certificate is for another name/);
    expect(second.asked).toEqual(['registry.test:443']);
  });

  test('that refuses or is not there is an error that keeps the password', async () => {
    const { url } = await startSocks('localhost:1', 'user:word');
    for (const proxy of [url.replace('word', 'secret'), 'socks5://user:secret@127.0.0.1:1']) {
      const opening = openRegistryImage('registry.test/a/b:1', { retry, environment: { ALL_PROXY: proxy } });
      await expect(opening).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_NETWORK',
        message: expect.stringMatching(/the SOCKS proxy 127\.0\.0\.1:\d+: (?!.*secret)/),
      });
    }
  });
});
