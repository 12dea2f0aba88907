import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openImage } from '@ocirender/oci-layout';
import { describe, expect, test } from 'vitest';
import { collect, FakeRegistry, sha256, someBytes, TYPES } from '../../test/fake-registry.ts';
import { temporaryDirectory } from '../../test/temporary.ts';
import { pullImage } from './pull-image.ts';
import type { PullEvent, PullOptions, PullReport } from './pull-report.ts';

const LAYERS = [someBytes(60_000, 1), someBytes(200_000, 2), someBytes(90_000, 3), someBytes(10_000, 4)];
const FAST: PullOptions = {
  insecure: true,
  environment: {},
  retry: { attempts: 2, backoffMs: 1 },
  platform: 'linux/amd64',
};

async function setUp(): Promise<{
  registry: FakeRegistry;
  directory: string;
  pull: (options?: PullOptions, name?: string) => Promise<PullReport>;
  digest: string;
}> {
  const registry = await FakeRegistry.start();
  const { digest } = registry.image(LAYERS, 'amd64', '1.0');
  const directory = join(temporaryDirectory(), 'layout');
  const pull = (options: PullOptions = {}, name = 'a/b:1.0'): Promise<PullReport> => {
    registry.seen.length = 0;
    return pullImage(`${registry.host}/${name}`, directory, { ...FAST, ...options });
  };
  return { registry, directory, pull, digest };
}

const blobPath = (directory: string, bytes: Uint8Array): string =>
  join(directory, 'blobs', sha256(bytes).replace(':', '/'));
const partialPath = (directory: string, bytes: Uint8Array): string =>
  join(directory, 'blobs/.partial', sha256(bytes).replace(':', '-'));
const statuses = (report: PullReport): string[] => report.blobs.map(({ status }) => status);

async function expectLayout(reference: string): Promise<void> {
  const image = await openImage(reference);
  const digests: string[] = [];
  for (const layer of image.layers) digests.push(sha256(await collect(layer.open())));
  expect(digests).toEqual(LAYERS.map((layer) => sha256(layer)));
}

describe('pull', () => {
  test('writes a layout that opens by tag, name and digest', async () => {
    const { registry, directory, pull, digest } = await setUp();
    const events: PullEvent[] = [];
    const report = await pull({ onEvent: (event) => events.push(event) });
    expect(report).toMatchObject({
      reference: `${registry.host}/a/b:1.0`,
      directory,
      digest,
      mediaType: TYPES.manifest,
      platform: { os: 'linux', architecture: 'amd64' },
      names: [`${registry.host}/a/b:1.0`, '1.0'],
      manifests: 1,
    });
    expect(report.fetchedBytes).toBe(report.totalBytes);
    expect(new Set(statuses(report))).toEqual(new Set(['fetched']));
    await expectLayout(directory);
    await expectLayout(`${directory}:1.0`);
    await expectLayout(`${directory}:${registry.host}/a/b:1.0`);
    await expectLayout(`${directory}@${digest}`);
    expect(readdirSync(join(directory, 'blobs'))).toEqual(['sha256']);
    expect(readdirSync(directory).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(events.filter(({ type }) => type === 'blob-end')).toHaveLength(6);
    expect(events.find(({ type }) => type === 'pull-start')).toMatchObject({ blobs: { length: 5 } });
  });

  test('again fetches nothing but the manifest and config; missing and damaged blobs are mended', async () => {
    const { registry, directory, pull } = await setUp();
    await pull();
    expect(statuses(await pull())).toEqual(Array(5).fill('present'));
    for (const layer of LAYERS) expect(registry.count(sha256(layer))).toBe(0);

    const damaged = Buffer.from(LAYERS[1]!);
    damaged[1000]! ^= 0xff;
    writeFileSync(blobPath(directory, LAYERS[1]!), damaged);
    rmSync(blobPath(directory, LAYERS[2]!));
    truncateSync(blobPath(directory, LAYERS[3]!), 5);
    const report = await pull();
    expect(statuses(report)).toEqual(['present', 'present', 'fetched', 'fetched', 'fetched']);
    expect(report.fetchedBytes).toBe(300_000);
    await expectLayout(directory);
  });

  test('resumes parts that an interrupted run has left', async () => {
    const { registry, directory, pull } = await setUp();
    const [, layer] = LAYERS;
    registry.intercepts.push(({ url }, response) => {
      if (!url.includes(sha256(layer!))) return false;
      response.writeHead(200, { 'content-length': layer!.length });
      response.write(layer!.subarray(0, 150_000), () => setTimeout(() => response.socket?.end(), 50));
      return true;
    });
    await expect(pull({ retry: { attempts: 1 } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      hint: `150000 of its 200000 bytes are kept in ${partialPath(directory, layer!)}: the next pull goes on from there.`,
    });
    expect(readFileSync(partialPath(directory, layer!)).equals(layer!.subarray(0, 150_000))).toBe(true);
    expect(existsSync(join(directory, 'index.json'))).toBe(false);
    registry.intercepts.length = 0;
    const report = await pull();
    expect(report.blobs.find(({ digest }) => digest === sha256(layer!))).toMatchObject({
      status: 'resumed',
      fetchedBytes: 50_000,
    });
    expect(
      registry.seen.filter(({ url }) => url.includes(sha256(layer!))).map(({ headers }) => headers.range),
    ).toEqual(['bytes=150000-']);
    await expectLayout(directory);
    expect(existsSync(join(directory, 'blobs/.partial'))).toBe(false);
  });

  test('parts that are wrong, too long or complete', async () => {
    const { registry, directory, pull } = await setUp();
    mkdirSync(join(directory, 'blobs/.partial'), { recursive: true });
    writeFileSync(partialPath(directory, LAYERS[0]!), Buffer.alloc(1000));
    writeFileSync(partialPath(directory, LAYERS[1]!), Buffer.alloc(300_000));
    writeFileSync(partialPath(directory, LAYERS[2]!), LAYERS[2]!);
    const report = await pull();
    expect(statuses(report)).toEqual(['fetched', 'fetched', 'fetched', 'resumed', 'fetched']);
    expect(registry.count(sha256(LAYERS[0]!))).toBe(2);
    expect(registry.count(sha256(LAYERS[2]!))).toBe(0);
    await expectLayout(directory);
  });

  test('wrong bytes are an error, and leave neither blob nor part nor index', async () => {
    const { registry, directory, pull } = await setUp();
    registry.blobs.set(sha256(LAYERS[1]!), Buffer.alloc(200_000));
    await expect(pull()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      expected: sha256(LAYERS[1]!),
    });
    expect(existsSync(blobPath(directory, LAYERS[1]!))).toBe(false);
    expect(existsSync(partialPath(directory, LAYERS[1]!))).toBe(false);
    expect(existsSync(join(directory, 'index.json'))).toBe(false);
  });

  test('wrong bytes of a mirror are fetched from the registry', async () => {
    const { registry, directory, pull } = await setUp();
    const mirror = await FakeRegistry.start();
    mirror.image(LAYERS, 'amd64', '1.0');
    mirror.blobs.set(sha256(LAYERS[1]!), Buffer.alloc(200_000));
    await pull({ mirrors: { [registry.host]: `http://${mirror.host}` } });
    await expectLayout(directory);
    expect(registry.seen.map(({ url }) => url)).toEqual([`/v2/a/b/blobs/${sha256(LAYERS[1]!)}`]);
  });

  test('keeps other images, replaces its own, leaves short names to who had them', async () => {
    const { registry, directory, pull } = await setUp();
    await pull();
    registry.image(['other'], 'amd64', '1.0');
    const other = await pull({}, 'c/d:1.0');
    expect(other.names).toEqual([`${registry.host}/c/d:1.0`]);
    await expectLayout(`${directory}:1.0`);
    const moved = await pull();
    expect(moved.names).toEqual([`${registry.host}/a/b:1.0`, '1.0']);
    const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    expect(
      index.manifests.map(({ annotations }: { annotations: object }) => Object.values(annotations)),
    ).toEqual([[`${registry.host}/c/d:1.0`], [`${registry.host}/a/b:1.0`, '1.0']]);
  });

  test('keeps unknown fields of index.json and of its entries', async () => {
    const { directory, pull, digest } = await setUp();
    mkdirSync(directory, { recursive: true });
    const entry = {
      mediaType: TYPES.manifest,
      digest: sha256('x'),
      size: 1,
      urls: ['https://x'],
      annotations: { a: 'b' },
    };
    writeFileSync(
      join(directory, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [entry], annotations: { c: 'd' } }),
    );
    await pull({}, `a/b@${digest}`);
    const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    expect(index).toMatchObject({ annotations: { c: 'd' }, manifests: [entry, { digest }] });
    expect(index.manifests[1].annotations).toBeUndefined();
    await pull({}, `a/b@${digest}`);
    expect(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')).manifests).toHaveLength(2);
  });

  test('a part of a blob from a server that refuses Range: it stays until the whole comes, which is taken', async () => {
    const { registry, directory, pull } = await setUp();
    const layer = LAYERS[1]!;
    let isBroken = true;
    registry.intercepts.push(({ url, headers }, response) => {
      if (!url.includes(sha256(layer))) return false;
      if (headers.range !== undefined || isBroken) response.writeHead(headers.range ? 403 : 503).end();
      return headers.range !== undefined || isBroken;
    });
    mkdirSync(join(directory, 'blobs/.partial'), { recursive: true });
    writeFileSync(partialPath(directory, layer), layer.subarray(0, 150_000));
    await expect(pull()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_REGISTRY' });
    expect(readFileSync(partialPath(directory, layer)).equals(layer.subarray(0, 150_000))).toBe(true);
    isBroken = false;
    await pull();
    expect(
      registry.seen.filter(({ url }) => url.includes(sha256(layer))).map(({ headers }) => headers.range),
    ).toEqual(['bytes=150000-', undefined]);
    await expectLayout(directory);
  });

  test('all platforms: what is of an unfamiliar type is stored as it is, or noted', async () => {
    const { registry, directory } = await setUp();
    const events: PullEvent[] = [];
    const text = registry.blob('opaque, among the blobs', 'application/vnd.example.blob');
    const document = registry.manifest({ anything: 1 }, 'application/vnd.example.document+json');
    const missing = { ...registry.blob('nowhere', 'text/x-nowhere') };
    registry.blobs.delete(missing.digest);
    const artifact = {
      schemaVersion: 2,
      mediaType: 'application/vnd.example.artifact+json',
      config: registry.blob('{}', 'application/vnd.oci.empty.v1+json'),
      layers: [registry.blob('of an artifact', 'text/plain')],
    };
    const manifests = [
      text,
      document,
      missing,
      registry.manifest(artifact, 'application/vnd.example.artifact+json'),
      registry.image(['a layer'], 'amd64'),
    ];
    registry.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, 'odd');
    const { platform: _, ...options } = FAST;
    const report = await pullImage(`${registry.host}/a/b:odd`, directory, {
      ...options,
      allPlatforms: true,
      onEvent: (event) => events.push(event),
    });
    expect(report.passedOver).toEqual([
      { digest: missing.digest, mediaType: 'text/x-nowhere', reason: expect.stringContaining(': 404 ') },
    ]);
    expect(events.find(({ type }) => type === 'passed-over')).toMatchObject({ digest: missing.digest });
    for (const { digest } of [text, document, ...artifact.layers, manifests[3]!]) {
      const bytes = readFileSync(join(directory, 'blobs', digest.replace(':', '/')));
      expect(sha256(bytes)).toBe(digest);
    }
    const image = await openImage(`${directory}:odd`, { platform: 'linux/amd64' });
    expect((await collect(image.layers[0]!.open())).toString()).toBe('a layer');
    // The same again: what is there is not fetched.
    registry.seen.length = 0;
    await pullImage(`${registry.host}/a/b:odd`, directory, { ...options, allPlatforms: true });
    expect(registry.count(`/blobs/${text.digest}`)).toBe(0);
  });

  test('all platforms: the index and everything below it', async () => {
    const { registry, directory } = await setUp();
    const index = registry.index(['amd64', 'arm64', 's390x'], 'all');
    const { platform: _, ...options } = FAST;
    const report = await pullImage(`${registry.host}/a/b:all`, directory, { ...options, allPlatforms: true });
    expect(report).toMatchObject({
      digest: index.digest,
      mediaType: TYPES.index,
      manifests: 4,
      names: [`${registry.host}/a/b:all`, 'all'],
    });
    expect(report.platform).toBeUndefined();
    for (const name of ['amd64', 'arm64', 's390x']) {
      const image = await openImage(`${directory}:all`, { platform: `linux/${name}` });
      expect((await collect(image.layers[0]!.open())).toString()).toBe(`layer for ${name}`);
    }
    await expect(pullImage('x', directory, { ...FAST, allPlatforms: true })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });

  test('fetches no more at a time than it may, and stops all when one fails', async () => {
    const { registry, pull } = await setUp();
    let now = 0;
    let most = 0;
    registry.intercepts.push(async (request, response) => {
      if (!request.url.includes('/blobs/')) return false;
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      registry.serve(request, response);
      return true;
    });
    await pull({ concurrency: 2 });
    expect(most).toBe(2);

    const stuck = await setUp();
    stuck.registry.intercepts.push(({ url }, response) => {
      if (url.includes(sha256(LAYERS[0]!))) return true;
      if (!url.includes(sha256(LAYERS[1]!))) return false;
      response.statusCode = 404;
      response.end();
      return true;
    });
    await expect(stuck.pull()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
  });

  test('an abort leaves what has arrived', async () => {
    const { registry, directory, pull } = await setUp();
    const controller = new AbortController();
    registry.fail(sha256(LAYERS[1]!), (_, response) => {
      response.writeHead(200, { 'content-length': LAYERS[1]!.length });
      response.write(LAYERS[1]!.subarray(0, 100_000), () => setTimeout(() => controller.abort(), 100));
      return true;
    });
    await expect(pull({ signal: controller.signal })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    expect(readFileSync(partialPath(directory, LAYERS[1]!)).length).toBe(100_000);
    expect(statuses(await pull())).toContain('resumed');
    await expectLayout(directory);
  });

  test('goes on where a killed pull left a temporary file', async () => {
    const { directory, pull } = await setUp();
    mkdirSync(directory, { recursive: true });
    for (const name of ['.index.json.tmp', '.oci-layout.tmp']) writeFileSync(join(directory, name), '{');
    await pull();
    await expectLayout(directory);
    expect(readdirSync(directory).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  test('a pull of which nothing came leaves no directory', async () => {
    const { directory, pull } = await setUp();
    const above = join(directory, '..');
    await expect(pull({}, 'no/such:1')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(above)).toBe(true);
    mkdirSync(directory);
    await expect(pull({}, 'no/such:1')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    expect(existsSync(directory)).toBe(true);
  });

  test('refuses directories that hold something else, malformed indexes, odd options', async () => {
    const { directory, pull } = await setUp();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'precious'), '');
    await expect(pull()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_OUTPUT_EXISTS' });
    writeFileSync(join(directory, 'index.json'), '{');
    await expect(pull()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_IMAGE' });
    for (const concurrency of [0, 1.5, 65]) {
      await expect(pull({ concurrency })).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    }
    await expect(pullImage('localhost:1/x', join(directory, 'precious'), FAST)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
    });
  });
});
