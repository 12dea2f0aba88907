import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { requireBasic } from '../test/auth-server.ts';
import { collect, FakeRegistry, type Intercept, sendError, sha256, TYPES } from '../test/fake-registry.ts';
import type { RegistryEvent } from './events.ts';
import { openRegistryImage, type RegistryImage } from './open-image.ts';
import type { OpenRegistryImageOptions } from './options.ts';

const PLAIN: OpenRegistryImageOptions = {
  insecure: true,
  environment: {},
  retry: { attempts: 2, backoffMs: 1 },
};

async function open(
  registry: FakeRegistry,
  name: string,
  options: OpenRegistryImageOptions = {},
): Promise<RegistryImage> {
  const image = await openRegistryImage(`${registry.host}/${name}`, { ...PLAIN, ...options });
  return image;
}

describe('an image', () => {
  test('by tag: config, platform, layers oldest first, each with its diff_id', async () => {
    const registry = await FakeRegistry.start();
    const { digest } = registry.image(['first', 'second'], 'arm64', '1.0');
    const events: RegistryEvent[] = [];
    const image = await open(registry, 'a/b:1.0', { onEvent: (event) => events.push(event) });
    expect(image).toMatchObject({
      reference: `${registry.host}/a/b:1.0`,
      manifestDigest: digest,
      platform: { os: 'linux', architecture: 'arm64' },
      config: { json: { architecture: 'arm64' } },
      layers: [
        { digest: sha256('first'), diffId: sha256('first'), size: 5, mediaType: TYPES.layer },
        { digest: sha256('second'), diffId: sha256('second'), size: 6, mediaType: TYPES.layer },
      ],
    });
    expect(sha256(image.config!.bytes)).toBe(image.config!.digest);
    expect(events[0]).toMatchObject({ type: 'manifest', digest, kind: 'manifest', host: registry.host });
    // Each open is a download of its own.
    expect((await collect(image.layers[1]!.open())).toString()).toBe('second');
    expect((await collect(image.layers[1]!.open())).toString()).toBe('second');
    expect(registry.count(sha256('second'))).toBe(2);
    expect(registry.count(sha256('first'))).toBe(0);
    await image.close();
    await image.close();
    await expect(collect(image.layers[0]!.open())).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  });

  test('whose config names no diff_ids: that is said', async () => {
    const registry = await FakeRegistry.start();
    const config = registry.blob('{"os":"linux","architecture":"amd64"}', TYPES.config);
    registry.manifest({ schemaVersion: 2, config, layers: [registry.blob('x')] }, TYPES.manifest, '1');
    const codes: string[] = [];
    const image = await open(registry, 'a/b:1', { diagnose: ({ code }) => codes.push(code) });
    await image.close();
    expect([codes, image.layers[0]!.diffId]).toEqual([['diff-id-missing'], undefined]);
  });

  test('by digest, with and without a tag, which is not asked for', async () => {
    const registry = await FakeRegistry.start();
    const { digest } = registry.image(['x'], 'amd64');
    for (const name of [`a/b@${digest}`, `a/b:gone@${digest}`]) {
      const image = await open(registry, name);
      expect(image.manifestDigest).toBe(digest);
      await image.close();
    }
    expect(registry.count('gone')).toBe(0);
    expect(registry.seen[0]!.headers.accept).toContain('application/vnd.oci.image.index.v1+json');
  });

  test('of an index: the platform that is asked for, or the nearest variant', async () => {
    const registry = await FakeRegistry.start();
    const arm = registry.image(['v6'], 'arm');
    const manifests = [
      registry.image(['amd64'], 'amd64'),
      registry.image(['arm64'], 'arm64'),
      { ...arm, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } },
      { ...registry.image(['attestation'], 'unknown'), platform: { os: 'unknown', architecture: 'unknown' } },
    ];
    registry.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, '1');
    for (const [platform, layer] of [
      ['linux/arm64', 'arm64'],
      ['linux/amd64', 'amd64'],
      ['linux/arm/v7', 'v6'],
    ] as const) {
      const image = await open(registry, 'a/b:1', { platform });
      expect(image.layers[0]!.digest).toBe(sha256(layer));
      await image.close();
    }
    await expect(open(registry, 'a/b:1', { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
      hint: 'There is: linux/amd64, linux/arm64, linux/arm/v6. Choose one with --platform (option platform).',
    });
  });

  test('over a bad connection: manifests and configs are asked for again', async () => {
    const registry = await FakeRegistry.start();
    const { digest } = registry.image(['x'], 'amd64', '1');
    const bad: Intercept[] = [
      (_, response) => {
        response.socket?.resetAndDestroy();
        return true;
      },
      (_, response) => {
        response.writeHead(200, { 'content-length': 5000 });
        response.write('{"schemaVersion', () => response.socket?.end());
        return true;
      },
      (_, response) => {
        sendError(response, 500, 'UNKNOWN', 'unknown error');
        return true;
      },
    ];
    registry.fail('/manifests/', ...bad);
    registry.fail('/blobs/', ...bad);
    const image = await open(registry, 'a/b:1', { retry: { attempts: 4, backoffMs: 1 } });
    await image.close();
    expect(image.manifestDigest).toBe(digest);
    expect([registry.count('/manifests/'), registry.count('/blobs/')]).toEqual([4, 4]);
  });

  test('of nested indexes, and of an index that names no platforms', async () => {
    const registry = await FakeRegistry.start();
    const inner = registry.index(['riscv64', 's390x']);
    registry.manifest({ schemaVersion: 2, manifests: [inner] }, TYPES.index, 'nested');
    const image = await open(registry, 'a/b:nested', { platform: 'linux/s390x' });
    expect(image.platform).toEqual({ os: 'linux', architecture: 's390x' });
    await image.close();

    const bare = ['amd64', 'arm64'].map((name) => ({ ...registry.image([name], name), platform: undefined }));
    registry.manifest({ schemaVersion: 2, manifests: bare }, TYPES.index, 'bare');
    const other = await open(registry, 'a/b:bare', { platform: 'linux/arm64' });
    expect(other.layers[0]!.digest).toBe(sha256('arm64'));
    await other.close();
  });

  test('of an index that names what is no image: it is passed over', async () => {
    const registry = await FakeRegistry.start();
    const { platform: _, ...image } = registry.image(['a'], 'amd64');
    const manifests = [
      registry.blob('opaque', 'application/vnd.example.thing'),
      registry.manifest({ anything: 1 }, 'application/vnd.example.thing+json'),
      { ...registry.blob('gone', 'application/vnd.example.gone+json') },
      { mediaType: 'application/vnd.example.digest', digest: 'blake3:abcd', size: 5 },
      {
        ...registry.manifest({ other: 1 }, 'application/vnd.example.same+json'),
        platform: { os: 'linux', architecture: 'amd64' },
      },
      image,
    ];
    registry.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, 'odd');
    for (const options of [{ platform: 'linux/amd64' }, {}]) {
      const opened = await open(registry, 'a/b:odd', options);
      expect((await collect(opened.layers[0]!.open())).toString()).toBe('a');
      await opened.close();
    }
    manifests.pop();
    registry.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, 'none');
    await expect(open(registry, 'a/b:none')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
  });

  test('for another platform than the one that is asked for is refused', async () => {
    const registry = await FakeRegistry.start();
    registry.image(['x'], 'amd64', '1');
    await expect(open(registry, 'a/b:1', { platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
      hint: 'It is for linux/amd64.',
    });
  });
});

describe('what is refused', () => {
  test('a manifest with other bytes than its digest promises, also with a tag', async () => {
    const registry = await FakeRegistry.start();
    const { digest } = registry.image(['x'], 'amd64', '1');
    registry.manifests.set(digest, { bytes: Buffer.from('{"schemaVersion":2}'), mediaType: TYPES.manifest });
    for (const name of [`a/b@${digest}`, `a/b:1@${digest}`]) {
      await expect(open(registry, name)).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
        expected: digest,
      });
    }
  });

  test('a tag whose bytes contradict Docker-Content-Digest', async () => {
    const registry = await FakeRegistry.start();
    registry.image(['x'], 'amd64', '1');
    registry.fail('/manifests/1', ({ url }, response) => {
      response.setHeader('docker-content-digest', sha256('other'));
      response.setHeader('content-type', TYPES.manifest);
      response.end(registry.manifests.get(url.slice(-1))!.bytes);
      return true;
    });
    await expect(open(registry, 'a/b:1')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
  });

  test('schema 1', async () => {
    const registry = await FakeRegistry.start();
    registry.manifest(
      { schemaVersion: 1, name: 'a/b', fsLayers: [] },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      '1',
    );
    await expect(open(registry, 'a/b:1')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining('schema version 1, which is obsolete'),
    });
  });

  test('a manifest without end', async () => {
    const registry = await FakeRegistry.start();
    registry.fail('/manifests/', (_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536, ' ')));
      };
      response.on('drain', more);
      more();
      return true;
    });
    await expect(open(registry, 'a/b:1', { limits: { documentBytes: 100_000 } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'documentBytes',
      maximum: 100_000,
    });
  });

  test('a config that is too large, an index that is too deep, an artifact', async () => {
    const registry = await FakeRegistry.start();
    const config = { mediaType: TYPES.config, digest: sha256('config'), size: 5_000_000 };
    registry.manifest({ schemaVersion: 2, config, layers: [registry.blob('x')] }, TYPES.manifest, 'large');
    await expect(open(registry, 'a/b:large')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_LIMIT' });

    let inner = registry.index(['amd64']);
    for (let i = 0; i < 9; i++)
      inner = registry.manifest({ schemaVersion: 2, manifests: [inner] }, TYPES.index, 'deep');
    await expect(open(registry, 'a/b:deep')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'indexDepth',
    });

    const chart = {
      schemaVersion: 2,
      config: registry.blob('{}', 'application/vnd.cncf.helm.config.v1+json'),
      layers: [registry.blob('x', 'application/json')],
    };
    registry.manifest(chart, TYPES.manifest, 'chart');
    await expect(open(registry, 'a/b:chart')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    });
  });

  test('an index without images, a repository that does not exist', async () => {
    const registry = await FakeRegistry.start();
    registry.manifest({ schemaVersion: 2, manifests: [] }, TYPES.index, 'empty');
    await expect(open(registry, 'a/b:empty')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    await expect(open(registry, 'a/b:gone')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: `${registry.host}: manifest a/b:gone: 404 MANIFEST_UNKNOWN: manifest unknown to registry`,
    });
  });
});

describe('mirrors', () => {
  test('come first, with their path before the repository; credentials of the registry stay there', async () => {
    const registry = await FakeRegistry.start();
    const mirror = await FakeRegistry.start();
    mirror.image(['x'], 'amd64', '1');
    requireBasic(registry, 'someone', 'secret');
    const image = await open(registry, 'a/b:1', {
      mirrors: { [registry.host]: `http://${mirror.host}/cache/` },
      credentials: { username: 'someone', password: 'secret' },
    });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('x');
    await image.close();
    expect(registry.seen).toEqual([]);
    expect(mirror.seen[0]!.url).toBe(`/v2/cache/a/b/manifests/1?ns=${encodeURIComponent(registry.host)}`);
    expect(mirror.seen.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });

  test('that fail are passed over, in the middle of a blob too', async () => {
    const registry = await FakeRegistry.start();
    const mirror = await FakeRegistry.start();
    const layer = 'x'.repeat(10_000);
    for (const server of [registry, mirror]) server.image([layer], 'amd64', '1');
    const busy = await FakeRegistry.start();
    busy.intercepts.push((_, response) => {
      sendError(response, 503, 'BUSY', 'come again');
      return true;
    });
    mirror.intercepts.push(({ url, headers }, response) => {
      if (!url.includes(sha256(layer))) return false;
      const from = Number(headers.range?.slice(6, -1) ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': 10_000 - from,
        ...(from > 0 ? { 'content-range': `bytes ${from}-9999/10000` } : {}),
      });
      response.write(layer.slice(from, from + 1000), () => response.socket?.end());
      return true;
    });
    const events: RegistryEvent[] = [];
    const image = await open(registry, 'a/b:1', {
      mirrors: { [registry.host]: [`http://${busy.host}`, `http://${mirror.host}`] },
      onEvent: (event) => events.push(event),
    });
    expect((await collect(image.layers[0]!.open())).toString()).toBe(layer);
    await image.close();
    expect(registry.seen.map(({ headers }) => headers.range)).toEqual(['bytes=2000-']);
    const failed = events.flatMap((event) => (event.type === 'mirror-failed' ? [event.host] : []));
    expect(new Set(failed)).toEqual(new Set([busy.host, mirror.host]));
  });

  test('with wrong manifests or none are passed over', async () => {
    const registry = await FakeRegistry.start();
    const mirror = await FakeRegistry.start();
    const { digest } = registry.image(['x'], 'amd64', '1');
    mirror.manifests.set(digest, { bytes: Buffer.from('{}'), mediaType: TYPES.manifest });
    for (const name of [`a/b@${digest}`, 'a/b:1']) {
      const image = await open(registry, name, { mirrors: { [registry.host]: `http://${mirror.host}` } });
      expect(image.manifestDigest).toBe(digest);
      await image.close();
    }
  });

  test.each(['mirror.example.com', 'http://u:p@x.example', 'https://x.example/?q', 'ftp://x.example'])(
    '%j is none',
    async (mirror) => {
      await expect(
        openRegistryImage('nginx', { ...PLAIN, mirrors: { 'docker.io': mirror } }),
      ).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_USAGE',
      });
    },
  );
});

describe('TLS', () => {
  const pem = (name: string): Buffer =>
    readFileSync(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
  const server = { cert: pem('server.pem'), key: pem('server.key') };
  const secure: OpenRegistryImageOptions = { environment: {}, retry: { attempts: 2, backoffMs: 1 } };

  test('with an authority of its own', async () => {
    const registry = await FakeRegistry.start(server);
    registry.image(['x'], 'amd64', '1');
    const name = `${registry.host}/a/b:1`;
    await expect(openRegistryImage(name, secure)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining("the server's certificate is not trusted"),
      hint: 'Name the authority that signed it with --ca-cert (option tls.ca), or in the file of NODE_EXTRA_CA_CERTS.',
    });
    const image = await openRegistryImage(name, { ...secure, tls: { ca: pem('ca.pem') } });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('x');
    await image.close();
  });

  test('with a client certificate, which other hosts are not shown', async () => {
    const registry = await FakeRegistry.start({ ...server, ca: pem('ca.pem'), requestCert: true });
    registry.image(['x'], 'amd64', '1');
    const name = `${registry.host}/a/b:1`;
    const tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') };
    const redirect = `https://${registry.host.replace('localhost', '127.0.0.1')}/v2/x/blobs/${sha256('x')}`;
    registry.fail(`a/b/blobs/${sha256('x')}`, (_, response) => {
      response.writeHead(307, { location: redirect });
      response.end();
      return true;
    });
    const image = await openRegistryImage(name, { ...secure, tls });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('x');
    await image.close();
    expect(registry.seen.map(({ url, peer }) => [url.split('/')[2], peer])).toEqual([
      ['a', 'tester'],
      ['a', 'tester'],
      ['a', 'tester'],
      ['x', undefined],
    ]);
  });

  test('is wanted even of localhost; plain http is told from it', async () => {
    const registry = await FakeRegistry.start();
    await expect(openRegistryImage(`${registry.host}/a/b`, secure)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('does not speak TLS'),
      hint: expect.stringContaining('--insecure'),
    });
    expect(registry.seen).toEqual([]);
  });

  test('does not lead to plain http', async () => {
    const plain = await FakeRegistry.start();
    const registry = await FakeRegistry.start(server);
    registry.intercepts.push((_, response) => {
      response.writeHead(307, { location: `http://${plain.host}/` });
      response.end();
      return true;
    });
    await expect(
      openRegistryImage(`${registry.host}/a/b`, { ...secure, tls: { ca: pem('ca.pem') } }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: `http://${plain.host}/ is plain http, which is not encrypted`,
    });
    expect(plain.seen).toEqual([]);
  });

  test.each([
    { ca: 'nonsense' },
    { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
    { cert: pem('client.pem') },
    { cert: pem('client.pem'), key: pem('server.key') },
    { cert: pem('client.pem'), key: 'nonsense' },
  ])('refuses what is no certificate or key, %#', async (tls) => {
    await expect(openRegistryImage('localhost:1/x', { ...secure, tls })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });
});

describe('proxies', () => {
  test('of the environment get plain http whole; localhost is never sent to them', async () => {
    const registry = await FakeRegistry.start();
    registry.image(['x'], 'amd64', '1');
    const proxy = await FakeRegistry.start();
    proxy.intercepts.push((request, response) => {
      registry.serve({ ...request, url: request.url.replace('http://registry.test', '') }, response);
      return true;
    });
    const environment = { HTTP_PROXY: `http://${proxy.host}`, no_proxy: 'other.test' };
    const image = await openRegistryImage('registry.test/a/b:1', { ...PLAIN, environment });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('x');
    await image.close();
    expect(proxy.seen[0]!.url).toBe('http://registry.test/v2/a/b/manifests/1');
    const direct = await open(registry, 'a/b:1', { environment });
    await direct.close();
    expect(registry.seen.length).toBeGreaterThan(0);
    const count = proxy.seen.length;
    await expect(
      openRegistryImage('registry.test/a/b:1', {
        ...PLAIN,
        environment: { ...environment, NO_PROXY: 'x', no_proxy: '.test' },
      }),
    ).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NETWORK' });
    expect(proxy.seen).toHaveLength(count);
  });

  test('of the environment get https as a tunnel, with their own password; certificates are verified in it', async () => {
    const pem = (name: string): Buffer =>
      readFileSync(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
    const registry = await FakeRegistry.start({ cert: pem('server.pem'), key: pem('server.key') });
    const asked: unknown[] = [];
    let status = 200;
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push([request.url, request.headers['proxy-authorization'], request.headers.authorization]);
      socket.write(`HTTP/1.1 ${status} Some Words\r\n\r\n`);
      if (status !== 200) return void socket.end();
      const upstream = connect(Number(registry.host.split(':')[1]), '127.0.0.1');
      socket.pipe(upstream).pipe(socket);
      for (const end of [socket, upstream]) end.on('error', () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const options = {
      ...PLAIN,
      insecure: false,
      tls: { ca: pem('ca.pem') },
      environment: { https_proxy: `http://user:word@127.0.0.1:${(proxy.address() as AddressInfo).port}` },
    };
    await expect(openRegistryImage('registry.test/a/b:1', options)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringMatching(/certificate is for another name: .*registry\.test/),
    });
    status = 407;
    await expect(openRegistryImage('registry.test/a/b:1', options)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('the proxy refuses with status 407'),
    });
    const login = `Basic ${Buffer.from('user:word').toString('base64')}`;
    expect(asked).toEqual(Array(2).fill(['registry.test:443', login, undefined]));
    await new Promise((resolve) => proxy.close(resolve));
  });

  test('whose address makes no sense are an error without it', async () => {
    const error: unknown = await openRegistryImage('registry.test/x', {
      ...PLAIN,
      environment: { http_proxy: 'not a url with a password' },
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    expect(String(error)).not.toContain('password');
  });
});
