import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tarOf, temporaryDirectory } from '../test/archive-fixture.ts';
import { engineAddress } from './daemon/engine-address.ts';
import { engineImageName } from './daemon/image-name.ts';
import { openSource } from './open-source.ts';

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const LAYER = 'stands for a tar';
const CONFIG = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { diff_ids: [`sha256:${createHash('sha256').update(LAYER).digest('hex')}`] },
});
const SAVED = tarOf([
  ['config.json', CONFIG],
  ['layer.tar', LAYER],
  [
    'manifest.json',
    JSON.stringify([{ Config: 'config.json', RepoTags: ['app:latest'], Layers: ['layer.tar'] }]),
  ],
]);

/** An engine that has one image; tells what it was asked for. */
async function startEngine(
  where: string | { port: number },
  listener?: RequestListener,
): Promise<{ asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (listener !== undefined) listener(request, response);
    else if (request.url === '/images/app%3Alatest/get') response.end(SAVED);
    else response.writeHead(404).end('{"message":"No such image: other:latest"}');
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    if (typeof where === 'string') server.listen(where, resolve);
    else server.listen(where.port, '127.0.0.1', resolve);
  });
  return { asked, server };
}

async function read(text: string, environment: Record<string, string>): Promise<string> {
  const image = await openSource(text, { environment, platform: 'linux/amd64' });
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of image.layers[0]!.open()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } finally {
    await image.close?.();
  }
}

describe('an image of an engine', () => {
  test('by its socket, for Docker and for Podman', async () => {
    const path = join(temporaryDirectory(), 'engine.sock');
    const { asked } = await startEngine(path);
    expect(await read('docker-daemon:app', { DOCKER_HOST: `unix://${path}` })).toBe(LAYER);
    expect(await read('podman:app:latest', { CONTAINER_HOST: `unix://${path}` })).toBe(LAYER);
    expect(asked).toEqual(['/images/app%3Alatest/get', '/images/app%3Alatest/get']);
  });

  test('by TCP, by a context, and by the directory of the user', async () => {
    const { asked, server } = await startEngine({ port: 0 });
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await read('docker-daemon:app', { DOCKER_HOST: host })).toBe(LAYER);
    const config = temporaryDirectory();
    const id = createHash('sha256').update('far').digest('hex');
    mkdirSync(join(config, 'contexts/meta', id), { recursive: true });
    const meta = { Name: 'far', Endpoints: { docker: { Host: host } } };
    writeFileSync(join(config, 'contexts/meta', id, 'meta.json'), JSON.stringify(meta));
    writeFileSync(join(config, 'config.json'), '{"currentContext":"far"}');
    expect(await read('docker-daemon:app', { DOCKER_CONFIG: config })).toBe(LAYER);
    expect(await read('docker-daemon:app', { DOCKER_CONFIG: config, DOCKER_CONTEXT: 'far' })).toBe(LAYER);
    expect(asked).toHaveLength(3);
    expect(await engineAddress('docker', { DOCKER_CONFIG: config, DOCKER_CONTEXT: 'default' })).toMatchObject(
      {
        socketPath: expect.stringMatching(/docker\.sock$/),
      },
    );
    await expect(
      engineAddress('docker', { DOCKER_CONFIG: config, DOCKER_CONTEXT: 'none' }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: expect.stringContaining('context "none"'),
    });
  });

  test('that is not there: its words, and how to get it', async () => {
    const path = join(temporaryDirectory(), 'engine.sock');
    await startEngine(path);
    await expect(read('docker-daemon:other', { DOCKER_HOST: `unix://${path}` })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: 'Docker has no image other:latest: No such image: other:latest',
      hint: expect.stringContaining('docker pull other:latest'),
    });
  });

  test('of an engine that fails, breaks off, or sends something else', async () => {
    const at = async (listener: RequestListener): Promise<Record<string, string>> => {
      const path = join(temporaryDirectory(), 'engine.sock');
      await startEngine(path, listener);
      return { CONTAINER_HOST: `unix://${path}` };
    };
    const failing = await at((_, response) => response.writeHead(500).end('{"message":"disk full"}'));
    await expect(read('podman:app', failing)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringMatching(/^Podman at unix:.* answers 500 .*: disk full$/),
    });
    const breaking = await at((_, response) => {
      response.writeHead(200, { 'content-length': SAVED.length });
      response.write(SAVED.subarray(0, 700), () => response.destroy());
    });
    await expect(read('podman:app', breaking)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('the connection broke'),
    });
    const page = await at((_, response) => response.end('<html></html>'));
    await expect(read('podman:app', page)).rejects.toThrow(/podman:app:latest is not a tar/);
  });

  test('of an engine that is not there', async () => {
    const path = join(temporaryDirectory(), 'nothing.sock');
    await expect(read('docker-daemon:app', { DOCKER_HOST: `unix://${path}` })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: `Docker cannot be reached at unix://${path} (DOCKER_HOST): there is no such socket`,
      hint: expect.stringContaining('DOCKER_HOST'),
    });
    await expect(read('podman:app', { CONTAINER_HOST: 'tcp://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('nobody listens there'),
    });
  });

  test.each([
    ['ssh://user@far.example', /ssh user@|ssh far\.example docker save NAME/],
    ['npipe:////./pipe/docker_engine', /unix:\/\/\/PATH/],
    ['nonsense', /unix:\/\/\/PATH/],
  ])('of an address that is not spoken to: %s', async (host, hint) => {
    await expect(engineAddress('docker', { DOCKER_HOST: host })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      hint: expect.stringMatching(hint),
    });
  });

  test('can be given up', async () => {
    const path = join(temporaryDirectory(), 'engine.sock');
    await startEngine(path, () => {});
    const abort = new AbortController();
    const opening = openSource('docker-daemon:app', {
      environment: { DOCKER_HOST: `unix://${path}` },
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(), 50);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  });
});

test.each([
  ['nginx', 'nginx:latest'],
  ['localhost:5000/nginx', 'localhost:5000/nginx:latest'],
  ['nginx:1', 'nginx:1'],
  [`nginx@sha256:${'a'.repeat(64)}`, `nginx@sha256:${'a'.repeat(64)}`],
  ['b'.repeat(64), 'b'.repeat(64)],
])('the engine is asked for %s as %s', (name, asked) => {
  expect(engineImageName(name)).toBe(asked);
});
