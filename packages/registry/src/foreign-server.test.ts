import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { collect, FakeRegistry, sha256, someBytes, TYPES } from '../test/fake-registry.ts';
import { openRegistryImage } from './open-image.ts';
import type { OpenRegistryImageOptions } from './options.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../test/fixtures/tls/${name}`, import.meta.url));
const LAYER = someBytes(300_000);

/** A registry by plain http whose image has one layer that it does not hold; a server by https that does. */
async function setUp(
  urlsOf: (host: string) => string[],
): Promise<{ elsewhere: FakeRegistry; read: (options?: OpenRegistryImageOptions) => Promise<string> }> {
  const elsewhere = await FakeRegistry.start({ key: pem('server.key'), cert: pem('server.pem') });
  elsewhere.intercepts.push((request, response) => {
    if (request.url !== '/layer') return false;
    elsewhere.serve({ ...request, url: `/v2/x/blobs/${sha256(LAYER)}` }, response);
    return true;
  });
  const registry = await FakeRegistry.start();
  const layer = { ...registry.blob(LAYER), urls: urlsOf(elsewhere.host) };
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.digest] } };
  const document = {
    schemaVersion: 2,
    config: registry.blob(JSON.stringify(config), TYPES.config),
    layers: [layer],
  };
  registry.manifest(document, TYPES.manifest, '1');
  registry.blobs.delete(layer.digest);
  elsewhere.blob(LAYER);
  const read = async (options: OpenRegistryImageOptions = {}): Promise<string> => {
    const image = await openRegistryImage(`${registry.host}/a/b:1`, {
      insecure: true,
      platform: 'linux/amd64',
      environment: {},
      retry: { attempts: 3, backoffMs: 1 },
      credentials: { username: 'someone', password: 'secret:word' },
      tls: { ca: pem('ca.pem') },
      ...options,
    });
    try {
      return sha256(await collect(image.layers[0]!.open()));
    } finally {
      await image.close();
    }
  };
  return { elsewhere, read };
}

test('a layer that lies elsewhere: the error names the host and the flag', async () => {
  const { elsewhere, read } = await setUp((host) => [`https://${host}/layer`, `https://${host}/again`]);
  await expect(read()).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_NOT_FOUND',
    message: expect.stringMatching(
      new RegExp(`: 404 .*: the image says that it lies outside of the registry, at ${elsewhere.host}$`),
    ),
    hint: expect.stringContaining('--allow-foreign-layers'),
  });
  expect(elsewhere.seen).toEqual([]);
});

test('with leave it is fetched from there, over https, without credentials, resumed where it breaks', async () => {
  const { elsewhere, read } = await setUp((host) => [`https://${host}/layer`]);
  elsewhere.fail('/layer', (_, response) => {
    response.writeHead(200, { 'content-length': LAYER.length });
    response.write(LAYER.subarray(0, 1000), () => response.socket?.end());
    return true;
  });
  elsewhere.intercepts.reverse();
  expect(await read({ foreignLayers: true })).toBe(sha256(LAYER));
  expect(elsewhere.seen.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=1000-']);
  expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});

test('the next place is tried; plain http and other schemes are not', async () => {
  const plain = await FakeRegistry.start();
  const { elsewhere, read } = await setUp((host) => [
    `http://${plain.host}/layer`,
    'file:///etc/passwd',
    'no address',
    `https://user:word@${host}/layer`,
    `https://${host}/nothing`,
    `https://${host}/layer`,
  ]);
  expect(await read({ foreignLayers: true })).toBe(sha256(LAYER));
  expect(elsewhere.seen.map(({ url }) => url)).toEqual(['/nothing', '/layer']);
  expect(plain.seen).toEqual([]);
});

test('wrong bytes from there are an error', async () => {
  const { elsewhere, read } = await setUp((host) => [`https://${host}/layer`]);
  elsewhere.fail('/layer', (_, response) => {
    response.end(Buffer.alloc(LAYER.length));
    return true;
  });
  elsewhere.intercepts.reverse();
  await expect(read({ foreignLayers: true })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
  });
});
