import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import {
  collect,
  forPlatform,
  named,
  sha256,
  sha512,
  type TestDescriptor,
  TestLayout,
  TYPES,
  temporaryDirectory,
} from '../test/layout-fixture.ts';
import { listImages, openImage } from './open-image.ts';

async function contents({ layers }: Image): Promise<string[]> {
  const texts: string[] = [];
  for (const layer of layers) texts.push((await collect(layer.open())).toString());
  return texts;
}

const config = (architecture: string, layer: string): string =>
  JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [sha256(layer)] } });

/** A `docker save` of several images, each with one layer and these names. */
function saved(images: readonly { names: string[] | null; layer: string }[]): string {
  const directory = temporaryDirectory();
  const manifest = images.map(({ names, layer }, i) => {
    const json = config('amd64', layer);
    writeFileSync(join(directory, `${sha256(json).slice(7)}.json`), json);
    writeFileSync(join(directory, `${i}.tar`), layer);
    return { Config: `${sha256(json).slice(7)}.json`, RepoTags: names, Layers: [`${i}.tar`] };
  });
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  return directory;
}

describe('several images in one docker save', () => {
  test('"latest" wins among the tags of one repository', async () => {
    const directory = saved([
      { names: ['nginx:1.27'], layer: 'old' },
      { names: ['nginx:latest', 'nginx:1'], layer: 'new' },
    ]);
    expect(await contents(await openImage(directory))).toEqual(['new']);
  });

  test('"latest" is no choice between repositories, nor beside an image without a name', async () => {
    const directory = saved([
      { names: ['nginx:latest'], layer: 'web' },
      { names: ['mydb:1.0'], layer: 'data' },
    ]);
    await expect(openImage(directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
      hint: expect.stringMatching(/There is: nginx:latest, mydb:1\.0\.$/),
    });
    const unnamed = saved([
      { names: ['nginx:latest'], layer: 'web' },
      { names: null, layer: 'nameless' },
    ]);
    const id = sha256(config('amd64', 'nameless'));
    await expect(openImage(unnamed)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
      hint: expect.stringContaining(`There is: nginx:latest, @${id}.`),
    });
    // What the message shows works.
    expect(await contents(await openImage(`${unnamed}@${id}`))).toEqual(['nameless']);
  });

  test('a name without a tag means its latest', async () => {
    const directory = saved([
      { names: ['nginx:latest'], layer: 'web' },
      { names: ['docker.io/library/mydb:latest'], layer: 'data' },
      { names: ['mydb:1.0'], layer: 'older data' },
    ]);
    expect(await contents(await openImage(`${directory}:nginx`))).toEqual(['web']);
    expect(await contents(await openImage(`${directory}:mydb`))).toEqual(['data']);
    expect(await contents(await openImage(`${directory}:mydb:1.0`))).toEqual(['older data']);
    await expect(openImage(`${directory}:latest`)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_AMBIGUOUS' });
  });
});

describe('several images in one layout', () => {
  test('"latest" is no choice between repositories, nor is a tag that two of them have', async () => {
    const layout = new TestLayout();
    layout.write(
      named('nginx:latest', layout.image(['web'])),
      named('mydb:latest', layout.image(['data'])),
      named('mydb:1', layout.image(['older data'])),
    );
    for (const reference of ['', ':latest']) {
      await expect(openImage(layout.directory + reference)).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_AMBIGUOUS',
        hint: expect.stringContaining('nginx:latest (linux/amd64), mydb:latest (linux/amd64)'),
      });
    }
    expect(await contents(await openImage(`${layout.directory}:mydb`))).toEqual(['data']);
    expect(await contents(await openImage(`${layout.directory}:1`))).toEqual(['older data']);
  });
});

test('a docker save by Docker 25, whose images have the same bare tag beside their names, is ambiguous', async () => {
  const layout = new TestLayout();
  const saved25 = (name: string, layer: string): TestDescriptor => ({
    ...layout.image([layer]),
    annotations: {
      'io.containerd.image.name': `docker.io/library/${name}:latest`,
      'org.opencontainers.image.ref.name': 'latest',
    },
  });
  layout.write(saved25('nginx', 'web'), saved25('mydb', 'data'));
  for (const reference of ['', ':latest']) {
    await expect(openImage(layout.directory + reference)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
      hint: expect.stringContaining('docker.io/library/nginx:latest'),
    });
  }
  expect(await contents(await openImage(`${layout.directory}:mydb`))).toEqual(['data']);
  expect(await contents(await openImage(`${layout.directory}:nginx:latest`))).toEqual(['web']);
});

describe('an index that names what is no image', () => {
  test('choosing passes over it: beside an image without a platform, at the top and below', async () => {
    const layout = new TestLayout();
    const odd = [
      layout.blob('not JSON at all', 'application/vnd.example.thing'),
      layout.blob('{"anything": 1}', 'application/vnd.example.thing+json'),
      layout.blob('{"anything": 2}', 'application/octet-stream'),
      { ...layout.blob('gone', 'application/vnd.example.gone+json'), digest: sha256('never there') },
      { mediaType: 'application/vnd.example.digest', digest: 'blake3:abcd', size: 5 },
      forPlatform('linux/amd64', layout.blob('{}', 'application/vnd.example.same+json')),
    ];
    const image = layout.image(['a'], {});
    layout.write(...odd, image);
    expect(await contents(await openImage(layout.directory))).toEqual(['a']);
    expect((await listImages(layout.directory)).map(({ digest }) => digest)).toEqual([image.digest]);
    layout.write(layout.index([...odd, image]));
    expect(await contents(await openImage(layout.directory))).toEqual(['a']);
    expect((await listImages(layout.directory)).map(({ digest }) => digest)).toEqual([image.digest]);
  });

  test('what is asked for by its name is named', async () => {
    const layout = new TestLayout();
    layout.write(named('x', layout.blob('{"anything": 1}', 'application/vnd.example.thing+json')));
    await expect(openImage(`${layout.directory}:x`)).rejects.toThrow(/neither/);
  });
});

test('an index that names more than the store holds: the error says what there is', async () => {
  const layout = new TestLayout();
  const arm = forPlatform('linux/arm64', layout.image(['arm'], { os: 'linux', architecture: 'arm64' }));
  const amd = forPlatform('linux/amd64', layout.image(['amd']));
  layout.write(named('app:1', layout.index([amd, arm])));
  // Some engines keep the manifests of all platforms, but the layers of one.
  for (const digest of [sha256('amd'), amd.digest]) {
    rmSync(layout.path(digest));
    await expect(openImage(layout.directory, { platform: 'linux/amd64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: `${layout.directory} names an image for linux/amd64, but does not hold it: ${amd.digest}, or something that it names, is missing`,
      hint: expect.stringMatching(/^It holds linux\/arm64: .*--platform/),
    });
  }
  expect(await contents(await openImage(layout.directory, { platform: 'linux/arm64' }))).toEqual(['arm']);
});

test('a layer that lies elsewhere is said to', async () => {
  const layout = new TestLayout();
  const layer = {
    ...layout.blob('a', TYPES.layer),
    urls: ['https://layers.example/x', 'https://layers.example/y'],
  };
  const image = layout.json(
    { schemaVersion: 2, mediaType: TYPES.manifest, config: layout.json({}, TYPES.config), layers: [layer] },
    TYPES.manifest,
  );
  layout.write(image);
  expect(await contents(await openImage(layout.directory))).toEqual(['a']);
  rmSync(layout.path(layer.digest));
  await expect(openImage(layout.directory)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_NOT_FOUND',
    message: expect.stringMatching(/the image says that it lies at layers\.example$/),
    hint: expect.stringContaining('--allow-foreign-layers'),
  });
});

describe("skopeo's dir:", () => {
  function directoryOf(layer: string, algorithm = sha256): { directory: string; digest: string } {
    const directory = temporaryDirectory();
    const put = (bytes: string, name: string): void => writeFileSync(join(directory, name), bytes);
    const json = config('amd64', layer);
    const digest = algorithm(layer);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: { mediaType: TYPES.config, digest: sha256(json), size: json.length },
      layers: [{ mediaType: TYPES.layer, digest, size: layer.length }],
    });
    put('Directory Transport Version: 1.1\n', 'version');
    put(manifest, 'manifest.json');
    put(json, sha256(json).slice(7));
    put(layer, digest.startsWith('sha256') ? digest.slice(7) : digest.replace(':', '-'));
    return { directory, digest: sha256(manifest) };
  }

  test('is read: by what it looks like, by its digest, with other digests than SHA-256', async () => {
    const { directory, digest } = directoryOf('a layer');
    const image = await openImage(directory);
    expect(image.manifestDigest).toBe(digest);
    expect(await contents(image)).toEqual(['a layer']);
    expect(await contents(await openImage(`${directory}@${digest}`, { form: 'docker-dir' }))).toEqual([
      'a layer',
    ]);
    expect(await listImages(directory)).toEqual([
      { names: [], digest, platform: { os: 'linux', architecture: 'amd64' }, present: true },
    ]);
    expect(await contents(await openImage(directoryOf('other', sha512).directory))).toEqual(['other']);
    await expect(openImage(directory, { platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
    });
  });

  test('with a list: the manifest for the platform', async () => {
    const one = directoryOf('for amd64');
    const instance = `${one.digest.slice(7)}.manifest.json`;
    renameSync(join(one.directory, 'manifest.json'), join(one.directory, instance));
    const descriptor = { mediaType: TYPES.manifest, digest: one.digest, size: 0 };
    const manifests = [
      {
        ...descriptor,
        size: sizeOf(one.directory, instance),
        platform: { os: 'linux', architecture: 'amd64' },
      },
      { ...descriptor, digest: sha256('none'), size: 4, platform: { os: 'linux', architecture: 's390x' } },
    ];
    writeFileSync(
      join(one.directory, 'manifest.json'),
      JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests }),
    );
    expect(await contents(await openImage(one.directory, { platform: 'linux/amd64' }))).toEqual([
      'for amd64',
    ]);
    await expect(openImage(one.directory, { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      hint: expect.stringContaining('linux/amd64'),
    });
  });

  test('damage and other versions are errors', async () => {
    const { directory } = directoryOf('a layer');
    writeFileSync(join(directory, sha256('a layer').slice(7)), 'A layer');
    await expect(contents(await openImage(directory))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
    });
    writeFileSync(join(directory, 'version'), 'Directory Transport Version: 2.0\n');
    await expect(openImage(directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_INVALID_IMAGE',
      message: expect.stringContaining('"Directory Transport Version: 2.0"'),
    });
  });
});

describe('blobs elsewhere', () => {
  test('in a directory that layouts share; what only the layout has is found too', async () => {
    const layout = new TestLayout();
    const image = layout.image(['a', 'b']);
    layout.write(image);
    const shared = temporaryDirectory();
    mkdirSync(join(shared, 'sha256'));
    const move = (digest: string): void =>
      renameSync(layout.path(digest), join(shared, digest.replace(':', '/')));
    move(sha256('a'));
    move(image.digest);
    await expect(openImage(layout.directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    expect(await contents(await openImage(layout.directory, { sharedBlobs: shared }))).toEqual(['a', 'b']);
    expect(await listImages(layout.directory, { sharedBlobs: shared })).toHaveLength(1);
    writeFileSync(join(shared, sha256('a').replace(':', '/')), 'x');
    await expect(contents(await openImage(layout.directory, { sharedBlobs: shared }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      message: expect.stringContaining(shared),
    });
    await expect(openImage(layout.directory, { sharedBlobs: join(shared, 'no') })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
    });
  });

  test('by links out of the layout are refused, with what helps', async () => {
    const layout = new TestLayout();
    layout.write(layout.image(['a']));
    const elsewhere = join(temporaryDirectory(), 'blob');
    renameSync(layout.path(sha256('a')), elsewhere);
    symlinkSync(elsewhere, layout.path(sha256('a')));
    await expect(openImage(layout.directory)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_PATH_ESCAPE',
      hint: expect.stringMatching(/cp -rL .*--shared-blobs/),
    });
  });
});

function sizeOf(directory: string, name: string): number {
  return statSync(join(directory, name)).size;
}
