import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireBasic, requireToken } from '../../test/auth-server.ts';
import {
  collect,
  FakeRegistry,
  type Intercept,
  sendError,
  sha256,
  someBytes,
} from '../../test/fake-registry.ts';
import { openRegistryImage } from '../open-image.ts';
import type { Credentials, OpenRegistryImageOptions } from '../options.ts';

const LAYER = someBytes(50_000);
const FAST = { attempts: 3, backoffMs: 1 };
const PASSWORD: Credentials = { username: 'someone', password: 'secret:word' };

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocirender-auth-'));
});
afterAll(() => rm(home, { recursive: true }));

async function fetchAll(
  registry: FakeRegistry,
  options: OpenRegistryImageOptions = {},
  name = 'a/b:1',
): Promise<string> {
  const image = await openRegistryImage(`${registry.host}/${name}`, {
    insecure: true,
    environment: { HOME: home },
    retry: FAST,
    platform: 'linux/amd64',
    ...options,
  });
  try {
    return sha256(await collect(image.layers[0]!.open()));
  } finally {
    await image.close();
  }
}

async function start(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.image([LAYER], 'amd64', '1');
  return registry;
}

describe('Basic', () => {
  test('explicit credentials', async () => {
    const registry = await start();
    requireBasic(registry, 'someone', 'secret:word');
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(sha256(LAYER));
    // Asked for once; after that it is sent without being asked.
    expect(registry.seen.filter(({ headers }) => headers.authorization === undefined)).toHaveLength(1);
  });

  test('credentials of ~/.docker/config.json', async () => {
    const registry = await start();
    requireBasic(registry, 'someone', 'from file');
    const auth = Buffer.from('someone:from file').toString('base64');
    const file = join(home, 'config.json');
    await writeFile(file, JSON.stringify({ auths: { [`http://${registry.host}/v1/`]: { auth } } }));
    expect(await fetchAll(registry, { environment: { DOCKER_CONFIG: home, HOME: '/nowhere' } })).toBe(
      sha256(LAYER),
    );
  });

  test('none, and wrong ones', async () => {
    const registry = await start();
    requireBasic(registry, 'someone', 'secret:word');
    await expect(fetchAll(registry)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      message: `${registry.host}: manifest a/b:1: 401 UNAUTHORIZED: authentication required`,
      hint: 'It does not exist, or is not public: then log in (ocirender login, option credentials).',
    });
    const credentials = { username: 'someone', password: 'not right' };
    const error: unknown = await fetchAll(registry, { credentials }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      hint: 'The credentials are wrong, or do not give access to it.',
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('not right');
  });
});

describe('Bearer', () => {
  test('an anonymous token: one for all requests of a repository', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    expect(await fetchAll(registry)).toBe(sha256(LAYER));
    expect(auth.issued).toBe(1);
    expect(auth.server.seen[0]!.url).toBe('/token?service=test+service&scope=repository%3Aa%2Fb%3Apull');
    expect(auth.server.seen[0]!.headers.authorization).toBeUndefined();
  });

  test('a password gets a token; it goes to the token server only', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { login: 'someone:secret:word' });
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(sha256(LAYER));
    expect(auth.server.seen[0]!.url).toContain('account=someone');
    expect(registry.seen.filter(({ headers }) => headers.authorization?.startsWith('Basic'))).toEqual([]);
  });

  test('tokens that expire between and during transfers are renewed, and the blob goes on', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    registry.fail('/blobs/', (_, response) => {
      // The config: from now on the token is worth nothing.
      auth.valid.clear();
      response.socket?.resetAndDestroy();
      return true;
    });
    let cuts = 0;
    registry.fail(`/blobs/${sha256(LAYER)}`, (_, response) => {
      cuts++;
      auth.valid.clear();
      response.writeHead(200, { 'content-length': LAYER.length });
      response.write(LAYER.subarray(0, 20_000), () => response.socket?.end());
      return true;
    });
    expect(await fetchAll(registry)).toBe(sha256(LAYER));
    expect(cuts).toBe(1);
    expect(auth.issued).toBe(3);
    expect(registry.seen.at(-1)!.headers).toMatchObject({
      range: 'bytes=20000-',
      authorization: 'Bearer token-3',
    });
  });

  test('a token that is about to expire is renewed without being refused first', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { expiresIn: 1e-6 });
    expect(await fetchAll(registry)).toBe(sha256(LAYER));
    const refused = registry.seen.filter(
      ({ headers }) => !auth.valid.has(headers.authorization?.slice(7) ?? ''),
    );
    expect(refused).toHaveLength(1);
    expect(auth.issued).toBe(3);
  });

  test('identity tokens are exchanged by POST', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { login: 'x:y', refreshToken: 'identity' });
    expect(await fetchAll(registry, { credentials: { identityToken: 'identity' } })).toBe(sha256(LAYER));
    const { method, body, headers } = auth.server.seen[0]!;
    expect([method, headers['content-type']]).toEqual(['POST', 'application/x-www-form-urlencoded']);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: 'refresh_token',
      service: 'test service',
      client_id: 'ocirender',
      refresh_token: 'identity',
      scope: 'repository:a/b:pull',
    });
  });

  test('identity tokens by GET where there is no POST', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { login: '<token>:identity', postStatus: 404 });
    expect(await fetchAll(registry, { credentials: { identityToken: 'identity' } })).toBe(sha256(LAYER));
    expect(auth.server.seen.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  test('a ready token', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    auth.valid.add('ready');
    expect(await fetchAll(registry, { credentials: { registryToken: 'ready' } })).toBe(sha256(LAYER));
    expect(auth.issued).toBe(0);
  });

  test('a token server that refuses, is busy, or gives no token', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { login: 'someone:else' });
    await expect(fetchAll(registry, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      message: `${auth.server.host}: token: 401 UNAUTHORIZED: incorrect username or password`,
    });
    auth.server.intercepts.unshift((_, response) => {
      sendError(response, 503, 'BUSY', 'come again');
      return true;
    });
    await expect(fetchAll(registry)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      hint: 'Gave up after 3 attempts.',
    });
    auth.server.intercepts.unshift((_, response) => {
      response.end('{"token":"a b\\r\\nx: y"}');
      return true;
    });
    await expect(fetchAll(registry)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: `http://${auth.server.host}/token gives no token`,
    });
  });

  test('a busy token server is asked again', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    auth.server.intercepts.unshift((_, response) => {
      if (auth.server.seen.length > 2) return false;
      sendError(response, 500, 'BUSY', 'come again');
      return true;
    });
    expect(await fetchAll(registry)).toBe(sha256(LAYER));
  });

  test('a token that is refused though it is new ends it', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    auth.valid.add = () => auth.valid;
    await expect(fetchAll(registry)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_AUTH' });
    expect(auth.issued).toBe(1);
  });

  test('what a server repeats of a secret is not shown', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    auth.server.intercepts.unshift(({ headers }, response) => {
      sendError(response, 403, 'DENIED', `no "secret:word" from you; ${headers['user-agent']}`);
      return true;
    });
    await expect(fetchAll(registry, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      message: `${auth.server.host}: token: 403 DENIED: no "[redacted]" from you; ocirender`,
    });
  });

  test('what a token server repeats of the header is not shown', async () => {
    const registry = await start();
    const auth = await requireToken(registry);
    auth.server.intercepts.unshift(({ headers }, response) => {
      sendError(response, 403, 'DENIED', `you sent ${headers.authorization}`);
      return true;
    });
    const error: unknown = await fetchAll(registry, { credentials: PASSWORD }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error)).toContain('you sent Basic [redacted]');
  });

  test('a token server with plain http needs permission as the registry does', async () => {
    const registry = await start();
    registry.intercepts.push((_, response) => {
      response.setHeader('www-authenticate', 'Bearer realm="ftp://localhost/token"');
      sendError(response, 401, 'UNAUTHORIZED', '');
      return true;
    });
    await expect(fetchAll(registry)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: 'the registry names no token server in its WWW-Authenticate header',
    });
  });

  test('an unknown scheme is named', async () => {
    const registry = await start();
    registry.intercepts.push((_, response) => {
      response.setHeader('www-authenticate', 'Negotiate');
      sendError(response, 401, 'UNAUTHORIZED', '');
      return true;
    });
    await expect(fetchAll(registry)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: 'the registry wants an authentication that is not supported: negotiate',
    });
  });
});

describe('redirects', () => {
  test('to another host go without the Authorization header', async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    const digest = sha256(LAYER);
    store.blobs.set(digest, LAYER);
    requireBasic(registry, 'someone', 'secret:word');
    const direct = `/v2/a/b/blobs/${digest}`;
    registry.intercepts.push(({ url }, response) => {
      if (url !== direct) return false;
      response.writeHead(307, {
        location: `http://user:password@${store.host}/v2/x/blobs/${digest}?signature=abc`,
      });
      response.end();
      return true;
    });
    store.intercepts.push(({ url, headers }, response) => {
      if (url.includes('signature')) {
        response.writeHead(302, { location: `/v2/x/blobs/${digest}` });
        response.end();
        return true;
      }
      expect(headers['accept-encoding']).toBe('identity');
      return false;
    });
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(digest);
    expect(store.seen).toHaveLength(2);
    expect(store.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    expect(registry.seen.at(-1)!.headers.authorization).toMatch(/^Basic /);
  });

  test('that come back from another host do not get it back', async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    requireBasic(registry, 'someone', 'secret:word');
    const away: Intercept = (_, response) => {
      response.writeHead(307, { location: `http://${store.host}/x` });
      response.end();
      return true;
    };
    registry.fail('/blobs/', away, away);
    store.intercepts.push((_, response) => {
      response.writeHead(307, { location: `http://${registry.host}/v2/private/blobs/${sha256(LAYER)}` });
      response.end();
      return true;
    });
    await expect(fetchAll(registry, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
    });
    expect(registry.seen.at(-1)!.url).toContain('/v2/private/');
    expect(registry.seen.at(-1)!.headers.authorization).toBeUndefined();
  });

  test('the signature of an address is not shown, even where the store repeats it', async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    registry.intercepts.push(({ url }, response) => {
      if (!url.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${store.host}/x?Signature=5ec7e7&Expires=1700000000` });
      response.end();
      return true;
    });
    store.intercepts.push(({ url }, response) => {
      sendError(response, 403, 'DENIED', `${url} has expired, Signature 5ec7e7`);
      return true;
    });
    const error: unknown = await fetchAll(registry).catch((reason: unknown) => reason);
    expect(String(error)).toContain('has expired');
    expect(String(error)).not.toContain('5ec7e7');
  });

  test("headers of Docker's configuration go to the registry, and nowhere else", async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    const auth = await requireToken(registry);
    const docker = await mkdtemp(join(home, 'docker-'));
    await writeFile(join(docker, 'config.json'), '{"HttpHeaders": {"X-Meta-Build": "7"}}');
    store.blobs.set(sha256(LAYER), LAYER);
    registry.intercepts.push(({ url }, response) => {
      if (!url.includes(sha256(LAYER))) return false;
      response.writeHead(307, { location: `http://${store.host}${url}` });
      response.end();
      return true;
    });
    expect(await fetchAll(registry, { environment: { HOME: home, DOCKER_CONFIG: docker } })).toBe(
      sha256(LAYER),
    );
    const sent = (server: FakeRegistry): unknown[] =>
      server.seen.map(({ headers }) => headers['x-meta-build']);
    expect(new Set(sent(registry))).toEqual(new Set(['7']));
    expect(sent(store)).toEqual([undefined]);
    expect(sent(auth.server)).toEqual([undefined]);
  });

  test('within the host keep it; a loop ends', async () => {
    const registry = await start();
    requireBasic(registry, 'someone', 'secret:word');
    registry.intercepts.push(({ url }, response) => {
      if (!url.includes('/manifests/1')) return false;
      response.writeHead(301, { location: url.replace('/1', '/latest') });
      response.end();
      return true;
    });
    registry.manifests.set('latest', registry.manifests.get('1')!);
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(sha256(LAYER));

    const loop = await start();
    loop.intercepts.push(({ url }, response) => {
      response.writeHead(302, { location: url });
      response.end();
      return true;
    });
    await expect(fetchAll(loop)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: expect.stringContaining('more than 10 redirects'),
    });
  });

  test('a blob store that refuses is not answered with credentials', async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    store.intercepts.push((_, response) => {
      response.setHeader('www-authenticate', 'Basic realm="give me"');
      response.statusCode = 401;
      response.end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    });
    const away: Intercept = (_, response) => {
      response.writeHead(307, { location: `http://${store.host}/x?X-Amz-Signature=abc` });
      response.end();
      return true;
    };
    registry.fail('/blobs/', away, away);
    await expect(fetchAll(registry, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: expect.stringMatching(
        new RegExp(`^${store.host}: blob sha256:\\w+ of a/b: 401 AccessDenied$`),
      ),
    });
    // Asked twice: its address might just have expired.
    expect(store.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('to an address that has expired: the registry is asked for another one, once', async () => {
    const registry = await start();
    const store = await FakeRegistry.start();
    const digest = sha256(LAYER);
    store.blobs.set(digest, LAYER);
    let given = 0;
    registry.fail(
      '/blobs/',
      ...Array.from(
        { length: 2 },
        (): Intercept => (_, response) => {
          response.writeHead(307, { location: `http://${store.host}/v2/x/blobs/${digest}?given=${++given}` });
          response.end();
          return true;
        },
      ),
    );
    store.intercepts.push(({ url }, response) => {
      const isExpired = url.endsWith('given=1');
      if (isExpired) sendError(response, 403, 'AccessDenied', 'Request has expired');
      else response.end(LAYER);
      return true;
    });
    expect(await fetchAll(registry)).toBe(digest);
    expect(given).toBe(2);
  });

  test('to another registry that wants a token: it gets one for anybody, never the credentials', async () => {
    const first = await start();
    const second = await start();
    const auth = await requireToken(second);
    first.intercepts.push(({ url }, response) => {
      response.writeHead(307, { location: `http://${second.host}${url}` });
      response.end();
      return true;
    });
    expect(await fetchAll(first, { credentials: PASSWORD })).toBe(sha256(LAYER));
    for (const { headers } of auth.server.seen) expect(headers.authorization).toBeUndefined();
    const sent = second.seen.map(({ headers }) => headers.authorization);
    expect(sent.filter((value) => value !== undefined && !value.startsWith('Bearer '))).toEqual([]);
    expect(sent).toContain('Bearer token-1');
  });
});

describe('a registry that demands credentials only at /v2/', () => {
  const refuse: Record<string, Intercept> = {
    'hides what there is': (_, response) => {
      sendError(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
      return true;
    },
    forbids: (_, response) => {
      sendError(response, 403, 'DENIED', 'access forbidden');
      return true;
    },
    'gives a bare 401': (_, response) => {
      response.statusCode = 401;
      response.end();
      return true;
    },
  };

  test.each(Object.entries(refuse))('and %s: it is asked there', async (_, answer) => {
    const registry = await start();
    const wanted = `Basic ${Buffer.from('someone:secret:word').toString('base64')}`;
    registry.intercepts.push((request, response) => {
      if (request.headers.authorization === wanted) return false;
      if (request.url !== '/v2/') return answer(request, response);
      response.setHeader('www-authenticate', 'Basic realm="here"');
      response.statusCode = 401;
      response.end();
      return true;
    });
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(sha256(LAYER));
    expect(registry.count('/v2/')).toBe(registry.seen.length);
    expect(registry.seen.filter(({ url }) => url === '/v2/')).toHaveLength(1);
    // Without credentials there is nothing to ask for.
    const before = registry.seen.length;
    await expect(fetchAll(registry)).rejects.toThrow();
    expect(registry.seen).toHaveLength(before + 1);
  });

  test('with tokens: for the repository, not for what /v2/ names', async () => {
    const registry = await start();
    const auth = await requireToken(registry, { login: 'someone:secret:word' });
    registry.intercepts.unshift(({ url, headers }, response) => {
      if (url === '/v2/' || headers.authorization !== undefined) return false;
      sendError(response, 404, 'NAME_UNKNOWN', 'repository name not known');
      return true;
    });
    expect(await fetchAll(registry, { credentials: PASSWORD })).toBe(sha256(LAYER));
    expect(auth.issued).toBe(1);
    expect(auth.server.seen[0]!.url).toContain('scope=repository%3Aa%2Fb%3Apull');
  });

  test('and a program that should know them fails: it is told with what is not there', async () => {
    const registry = await start();
    registry.intercepts.push((_, response) => {
      sendError(response, 404, 'NAME_UNKNOWN', 'no');
      return true;
    });
    const docker = await mkdtemp(join(home, 'docker-'));
    await writeFile(join(docker, 'config.json'), '{"credsStore": "not-installed-anywhere"}');
    await expect(
      fetchAll(registry, { environment: { HOME: home, PATH: docker, DOCKER_CONFIG: docker } }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      hint: expect.stringMatching(/^It may be hidden .*docker-credential-not-installed-anywhere/),
    });
  });

  test('what is not there stays not there; wrong credentials are called so', async () => {
    const registry = await start();
    registry.manifests.delete('1');
    await expect(fetchAll(registry, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
    });
    const closed = await start();
    closed.intercepts.push((_, response) => {
      sendError(response, 403, 'DENIED', 'no');
      return true;
    });
    await expect(fetchAll(closed, { credentials: PASSWORD })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AUTH',
      hint: 'The credentials are wrong, or do not give access to it.',
    });
  });
});

test('a token server that cannot be reached is called so', async () => {
  const registry = await start();
  const auth = await requireToken(registry);
  await auth.server.stop();
  await expect(fetchAll(registry)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_NETWORK',
    message: expect.stringMatching(
      /^the token server that the registry names: http:\/\/localhost:\d+\/token: /,
    ),
  });
});

test('a web page in place of a token is called so', async () => {
  const registry = await start();
  const auth = await requireToken(registry);
  auth.server.intercepts.unshift((_, response) => {
    response.end('<!doctype html><title>Sign in</title>');
    return true;
  });
  await expect(fetchAll(registry)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_REGISTRY',
    message: expect.stringMatching(/\/token: token: a web page came instead, titled "Sign in"$/),
  });
});
