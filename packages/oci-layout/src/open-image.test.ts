import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic, Image } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import {
  collect,
  forPlatform,
  named,
  sha256,
  sha512,
  TestLayout,
  TYPES,
  temporaryDirectory,
} from '../test/layout-fixture.ts';
import { listImages, openImage } from './open-image.ts';
import { formatPlatform, hostPlatform } from './platform.ts';

const HOST = formatPlatform(hostPlatform());

async function contents(image: Image): Promise<string[]> {
  const texts: string[] = [];
  for (const layer of image.layers) texts.push((await collect(layer.open())).toString());
  return texts;
}

describe('openImage of a layout', () => {
  it('gives everything about a single image', async () => {
    const layout = new TestLayout();
    const manifest = layout.image(['base', 'top'], { os: 'linux', architecture: 'riscv64' });
    layout.write(manifest);
    const image = await openImage(layout.directory);
    expect(image).toMatchObject({
      reference: layout.directory,
      manifestDigest: manifest.digest,
      platform: { os: 'linux', architecture: 'riscv64' },
      config: { json: { architecture: 'riscv64' } },
      layers: [
        { digest: sha256('base'), diffId: sha256('base'), mediaType: TYPES.layer, size: 4 },
        { digest: sha256('top'), diffId: sha256('top'), mediaType: TYPES.layer, size: 3 },
      ],
    });
    expect(sha256(image.config!.bytes)).toBe(image.config!.digest);
    expect(await contents(image)).toEqual(['base', 'top']);
    expect(await contents(image)).toEqual(['base', 'top']);
  });

  it('finds images by tag, full name, containerd name and digest', async () => {
    const layout = new TestLayout();
    const [a, b, c] = [layout.image(['a']), layout.image(['b']), layout.image(['c'])];
    layout.write(named('1.0', a), named('docker.io/library/app:2.0', b), {
      ...c,
      annotations: { 'io.containerd.image.name': 'quay.io/app:3.0' },
    });
    const read = async (suffix: string): Promise<string[]> =>
      contents(await openImage(layout.directory + suffix));
    expect(await read(':1.0')).toEqual(['a']);
    expect(await read(':2.0')).toEqual(['b']);
    expect(await read(':app:2.0')).toEqual(['b']);
    expect(await read(':docker.io/library/app:2.0')).toEqual(['b']);
    expect(await read(':3.0')).toEqual(['c']);
    expect(await read(`@${b.digest}`)).toEqual(['b']);
    expect(await read(`:1.0@${a.digest}`)).toEqual(['a']);
    await expect(read(`:1.0@${b.digest}`)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    await expect(read(':4.0')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      hint: expect.stringContaining('1.0 (linux/amd64), docker.io/library/app:2.0 (linux/amd64)'),
    });
    await expect(read('')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
      hint: expect.stringContaining('app:3.0'),
    });
    await expect(read(`@${sha256('nothing')}`)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
  });

  it('prefers latest, and takes an unlisted manifest by its digest', async () => {
    const layout = new TestLayout();
    layout.write(named('x:1.0', layout.image(['a'])), named('x:latest', layout.image(['b'])));
    expect(await contents(await openImage(layout.directory))).toEqual(['b']);
    const unlisted = layout.image(['c']);
    expect(await contents(await openImage(`${layout.directory}@${unlisted.digest}`))).toEqual(['c']);
  });

  it('takes several names of one image for one', async () => {
    const layout = new TestLayout();
    const image = layout.image(['a']);
    layout.write(named('1', image), named('1.0', image));
    expect(await contents(await openImage(layout.directory))).toEqual(['a']);
  });

  it('goes through nested indexes, with and without media types', async () => {
    const layout = new TestLayout();
    const inner = layout.index([
      forPlatform('linux/s390x', layout.image(['z'])),
      forPlatform(HOST, layout.image(['host'])),
    ]);
    const middle = layout.index([inner], TYPES.dockerList);
    layout.write({ digest: middle.digest, size: middle.size });
    expect(await contents(await openImage(layout.directory))).toEqual(['host']);
    expect(await contents(await openImage(layout.directory, { platform: 'linux/s390x' }))).toEqual(['z']);
    expect(await contents(await openImage(`${layout.directory}@${inner.digest}`))).toEqual(['host']);
    await expect(openImage(layout.directory, { platform: 'linux/ppc64le' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
      hint: expect.stringContaining(`linux/s390x, ${HOST}`),
    });
  });

  it('limits nesting and reads an index once, however often it is named', async () => {
    const layout = new TestLayout();
    let index = layout.index([layout.image(['deep'], { os: 'linux', architecture: 'amd64' })]);
    for (let depth = 0; depth < 40; depth++) index = layout.index([index, index]);
    layout.write(index);
    await expect(openImage(layout.directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'indexDepth',
    });
    const image = await openImage(layout.directory, { limits: { indexDepth: 50 }, platform: 'linux/amd64' });
    expect(await contents(image)).toEqual(['deep']);
    await expect(
      openImage(layout.directory, { limits: { indexDepth: 50, manifests: 20 } }),
    ).rejects.toMatchObject({
      limit: 'manifests',
    });
  });

  it('skips attestations and artifacts', async () => {
    const layout = new TestLayout();
    const attestation = layout.image(['attestation'], { os: 'unknown', architecture: 'unknown' });
    const artifact = layout.json({
      schemaVersion: 2,
      config: layout.blob('{}', 'application/vnd.oci.empty.v1+json'),
      layers: [layout.blob('{"a":1}', 'application/vnd.in-toto+json')],
    });
    layout.write(
      layout.image(['image']),
      { ...layout.image(['x']), annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
      forPlatform('unknown/unknown', attestation),
      { ...artifact, mediaType: TYPES.manifest },
    );
    expect(await contents(await openImage(layout.directory))).toEqual(['image']);
    expect(await listImages(layout.directory)).toHaveLength(1);
    await expect(openImage(`${layout.directory}@${artifact.digest}`)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining('application/vnd.in-toto+json'),
    });
  });

  it('chooses the best variant', async () => {
    const layout = new TestLayout();
    const arm = ['v5', 'v6', 'v7'].map((v) =>
      forPlatform(`linux/arm/${v}`, layout.image([v], { os: 'linux', architecture: 'arm', variant: v })),
    );
    layout.write(
      named('x', layout.index([...arm.slice(0, 2), forPlatform('linux/arm64/v8', layout.image(['64']))])),
      named('y', layout.index(arm)),
    );
    const read = async (tag: string, platform: string): Promise<string[]> =>
      contents(await openImage(`${layout.directory}:${tag}`, { platform }));
    expect(await read('x', 'linux/arm/v7')).toEqual(['v6']);
    expect(await read('y', 'linux/arm/v7')).toEqual(['v7']);
    expect(await read('y', 'linux/arm')).toEqual(['v7']);
    expect(await read('x', 'linux/arm/v5')).toEqual(['v5']);
    expect(await read('x', 'linux/arm64')).toEqual(['64']);
  });

  it('takes the first of equal descriptors of one name, but not of unnamed images', async () => {
    const layout = new TestLayout();
    const [a, b] = [layout.image(['a']), layout.image(['b'])];
    layout.write(named('x', a), named('x', b));
    expect(await contents(await openImage(`${layout.directory}:x`, { platform: 'linux/amd64' }))).toEqual([
      'a',
    ]);
    layout.write(a, b);
    await expect(openImage(layout.directory, { platform: 'linux/amd64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
    });
  });

  it('chooses among unnamed images by platform, from the config when the index is silent', async () => {
    const layout = new TestLayout();
    layout.write(
      layout.image(['a'], { os: 'linux', architecture: 'amd64' }),
      layout.image(['b'], { os: 'linux', architecture: 'arm64' }),
    );
    expect(await contents(await openImage(layout.directory, { platform: 'linux/arm64' }))).toEqual(['b']);
    expect(
      await contents(
        await openImage(layout.directory, { platform: { os: 'linux', architecture: 'x86_64' } }),
      ),
    ).toEqual(['a']);
  });

  it('compares an explicit platform with a single image, and takes it as it is otherwise', async () => {
    const layout = new TestLayout();
    layout.write(layout.image(['a'], { os: 'linux', architecture: 's390x' }));
    expect(await contents(await openImage(layout.directory))).toEqual(['a']);
    await expect(openImage(layout.directory, { platform: 'linux/amd64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
      hint: 'There is: linux/s390x.',
    });
  });

  it('minds absent manifests only when they are chosen', async () => {
    const layout = new TestLayout();
    const gone = forPlatform('linux/s390x', { mediaType: TYPES.manifest, digest: sha256('gone'), size: 4 });
    layout.write(layout.index([gone, forPlatform('linux/amd64', layout.image(['a']))]));
    expect(await contents(await openImage(layout.directory, { platform: 'linux/amd64' }))).toEqual(['a']);
    expect((await listImages(layout.directory)).map(({ present }) => present)).toEqual([false, true]);
    await expect(openImage(layout.directory, { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: expect.stringContaining(sha256('gone')),
    });
    layout.write({ mediaType: TYPES.index, digest: sha256('gone'), size: 4 });
    await expect(openImage(layout.directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: expect.stringContaining('incomplete'),
    });
  });

  it('works without an oci-layout file, with Docker types, sha512 and no layers', async () => {
    const layout = new TestLayout();
    rmSync(join(layout.directory, 'oci-layout'));
    const config = layout.json(
      { os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha512('l')] } },
      TYPES.dockerConfig,
    );
    const manifest = layout.json(
      { schemaVersion: 2, config, layers: [layout.blob('l', undefined, sha512)] },
      TYPES.dockerManifest,
    );
    layout.write(manifest);
    const image = await openImage(layout.directory);
    expect(image.layers[0]).toMatchObject({ digest: sha512('l'), diffId: sha512('l') });
    expect(image.layers[0]).not.toHaveProperty('mediaType');
    expect(await contents(image)).toEqual(['l']);
    layout.write(layout.image([]));
    expect((await openImage(layout.directory)).layers).toEqual([]);
  });

  it('reports a config without diff_ids, and does not parse the config of another artifact', async () => {
    const layout = new TestLayout();
    const seen: Diagnostic[] = [];
    const layers = [layout.blob('l', TYPES.layer)];
    layout.write(
      layout.json({ schemaVersion: 2, config: layout.blob('{}', TYPES.config), layers }, TYPES.manifest),
    );
    const image = await openImage(layout.directory, { diagnose: (diagnostic) => seen.push(diagnostic) });
    expect(image.layers[0]?.diffId).toBeUndefined();
    expect(seen.map(({ code }) => code)).toEqual(['diff-id-missing']);
    layout.write(
      layout.json(
        {
          schemaVersion: 2,
          config: layout.blob('name: chart', 'application/vnd.cncf.helm.config.v1+json'),
          layers,
        },
        TYPES.manifest,
      ),
    );
    const chart = await openImage(layout.directory);
    expect(chart.config).toBeUndefined();
    expect(await contents(chart)).toEqual(['l']);
  });

  it('follows links to files within the layout and no others', async () => {
    const layout = new TestLayout();
    layout.write(layout.image(['linked']));
    const blob = layout.path(sha256('linked'));
    rmSync(blob);
    layout.file('rootfs.tar', 'linked');
    symlinkSync('../../rootfs.tar', blob);
    expect(await contents(await openImage(layout.directory))).toEqual(['linked']);
    const outside = join(temporaryDirectory(), 'x');
    writeFileSync(outside, 'linked');
    rmSync(blob);
    symlinkSync(outside, blob);
    await expect(openImage(layout.directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_PATH_ESCAPE',
      message: expect.stringContaining(outside),
    });
  });

  it('explains a link that was copied as text', async () => {
    const layout = new TestLayout();
    const manifest = layout.image(['a']);
    layout.write(manifest);
    writeFileSync(layout.path(manifest.digest), '../../image-manifest.json');
    await expect(openImage(layout.directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SIZE_MISMATCH',
      hint: expect.stringContaining('symbolic link'),
    });
  });

  it('stops when its signal is aborted', async () => {
    const layout = new TestLayout();
    layout.write(layout.image(['x'.repeat(3_000_000)]));
    await expect(openImage(layout.directory, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    const controller = new AbortController();
    const image = await openImage(layout.directory);
    const read = async (): Promise<void> => {
      for await (const _ of image.layers[0]!.open({ signal: controller.signal })) controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    for await (const _ of image.layers[0]!.open()) break;
  });

  it('says what was looked for when there is no image', async () => {
    const empty = temporaryDirectory();
    await expect(openImage(empty)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: expect.stringContaining('neither index.json nor manifest.json'),
      hint: expect.stringContaining('docker save'),
    });
    writeFileSync(join(empty, 'image.tar'), 'x');
    await expect(openImage(join(empty, 'image.tar'))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      hint: expect.stringContaining('@ocirender/sources'),
    });
    await expect(openImage(join(empty, 'none:x'))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    await expect(openImage('')).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    await expect(openImage(new TestLayout().directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
    });
    await expect(openImage(new TestLayout().write().directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
    });
  });

  it('lists what there is', async () => {
    const layout = new TestLayout();
    const [a, b] = [
      layout.image(['a']),
      layout.image(['b'], { os: 'linux', architecture: 'arm64', variant: 'v8' }),
    ];
    layout.write(named('x', layout.index([forPlatform('linux/amd64', a)])), named('y', b));
    expect(await listImages(layout.directory)).toEqual([
      {
        names: ['y'],
        digest: b.digest,
        platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
        present: true,
      },
      { names: ['x'], digest: a.digest, platform: { os: 'linux', architecture: 'amd64' }, present: true },
    ]);
  });
});

describe('openImage of an unpacked docker save', () => {
  function saved(extra: Record<string, unknown> = {}): { directory: string; id: string } {
    const directory = temporaryDirectory();
    const config = JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { diff_ids: [sha256('one'), sha256('two')] },
    });
    const id = sha256(config);
    for (const name of ['1', '2']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, `${id.slice(7)}.json`), config);
    writeFileSync(join(directory, '1', 'layer.tar'), 'one');
    writeFileSync(join(directory, 'two.tar'), 'two');
    symlinkSync('../two.tar', join(directory, '2', 'layer.tar'));
    const image = {
      Config: `${id.slice(7)}.json`,
      RepoTags: ['app:latest'],
      Layers: ['1/layer.tar', '2/layer.tar'],
      ...extra,
    };
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify([image]));
    return { directory, id };
  }

  it('gives layers with their diff_ids as digests', async () => {
    const { directory, id } = saved();
    const image = await openImage(`${directory}:latest`);
    expect(image.manifestDigest).toBeUndefined();
    expect(image.config?.digest).toBe(id);
    expect(image.layers).toMatchObject([
      { digest: sha256('one'), diffId: sha256('one'), size: 3 },
      { digest: sha256('two'), diffId: sha256('two'), size: 3 },
    ]);
    expect(await contents(image)).toEqual(['one', 'two']);
    expect(await contents(await openImage(`${directory}@${id}`))).toEqual(['one', 'two']);
    expect(await listImages(directory)).toEqual([
      { names: ['app:latest'], digest: id, platform: { os: 'linux', architecture: 'amd64' }, present: true },
    ]);
    await expect(openImage(`${directory}:x`)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      hint: 'There is: app:latest.',
    });
    await expect(openImage(directory, { platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
    });
  });

  it('notices a changed layer or config', async () => {
    const { directory, id } = saved();
    writeFileSync(join(directory, '1', 'layer.tar'), 'eno');
    await expect(contents(await openImage(directory))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
    });
    writeFileSync(join(directory, `${id.slice(7)}.json`), '{}');
    await expect(openImage(directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
  });

  it('hashes compressed layers, trusts digests in paths, takes lower-case keys and nulls', async () => {
    const { directory } = saved();
    const gzip = Buffer.from([0x1f, 0x8b, 8, 0]);
    mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(directory, 'a.tar.gz'), gzip);
    const blob = `blobs/sha256/${sha256('blob').slice(7)}`;
    writeFileSync(join(directory, blob), 'blob');
    writeFileSync(join(directory, 'config.json'), '{"rootfs":{"type":"layers","diff_ids":null}}');
    const image = { config: 'config.json', repoTags: null, layers: ['a.tar.gz', blob] };
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify([image]));
    const { layers } = await openImage(directory);
    expect(layers.map(({ digest }) => digest)).toEqual([sha256(gzip), sha256('blob')]);
  });

  it.each(['../x', '/etc/passwd', 'a/../../x', '..'])('refuses the path %s', async (path) => {
    const { directory } = saved({ Layers: ['1/layer.tar', path] });
    await expect(openImage(directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_PATH_ESCAPE' });
  });

  it('refuses links out of the directory', async () => {
    const { directory } = saved();
    rmSync(join(directory, '2', 'layer.tar'));
    symlinkSync('/etc/hostname', join(directory, '2', 'layer.tar'));
    await expect(openImage(directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_PATH_ESCAPE' });
  });

  it('is used when index.json names nothing', async () => {
    const { directory } = saved();
    writeFileSync(join(directory, 'index.json'), '{"schemaVersion":2,"manifests":null}');
    expect(await contents(await openImage(directory))).toEqual(['one', 'two']);
  });
});
