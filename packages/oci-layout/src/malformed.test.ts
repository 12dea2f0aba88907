import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, named, sha256, TestLayout, TYPES, temporaryDirectory } from '../test/layout-fixture.ts';
import { listImages, openImage } from './open-image.ts';

/** A layout whose one manifest is exactly this text, correctly described. */
function withManifest(text: string | Uint8Array, mediaType: string | undefined = TYPES.manifest): string {
  const layout = new TestLayout();
  layout.write(layout.blob(text, mediaType));
  return layout.directory;
}

function withIndex(text: string | Uint8Array): string {
  const layout = new TestLayout();
  layout.file('index.json', text);
  return layout.directory;
}

const CONFIG = `{"mediaType":"${TYPES.config}","digest":"${sha256('x')}","size":1}`;

type Case = [text: string, code: string];

describe('documents that are not what they should be', () => {
  it.each<Case>([
    ['', 'INVALID_IMAGE'],
    ['null', 'INVALID_IMAGE'],
    ['[]', 'INVALID_IMAGE'],
    ['{}', 'INVALID_IMAGE'],
    ['"x"', 'INVALID_IMAGE'],
    ['{"manifests":null}', 'INVALID_IMAGE'],
    ['{"manifests":{}}', 'INVALID_IMAGE'],
    ['{"manifests":[null]}', 'INVALID_IMAGE'],
    ['{"manifests":[{}]}', 'INVALID_IMAGE'],
    ['{"manifests":[],"layers":[]}', 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":[]}`, 'INVALID_IMAGE'],
    ['{"schemaVersion":3,"manifests":[]}', 'INVALID_IMAGE'],
    ['{"schemaVersion":"2","manifests":[]}', 'INVALID_IMAGE'],
    ['{"schemaVersion":1,"manifests":[]}', 'UNSUPPORTED_MEDIA_TYPE'],
    [`{"manifests":[],"mediaType":"${TYPES.manifest}"}`, 'INVALID_IMAGE'],
    [`{"manifests":[],"mediaType":7}`, 'INVALID_IMAGE'],
    ['{"__proto__":{"manifests":[]}}', 'INVALID_IMAGE'],
    [`{"manifests":[{"digest":"sha256:..","size":1}]}`, 'INVALID_DIGEST'],
    [`{"manifests":[{"digest":7,"size":1}]}`, 'INVALID_IMAGE'],
    ...['-1', '1.5', '1e300', '9007199254740993', '"1"', 'null', 'true'].map(
      (size): Case => [`{"manifests":[{"digest":"${sha256('x')}","size":${size}}]}`, 'INVALID_IMAGE'],
    ),
    [`{"manifests":[{"digest":"${sha256('x')}","size":1,"annotations":[]}]}`, 'INVALID_IMAGE'],
    [`{"manifests":[{"digest":"${sha256('x')}","size":1,"annotations":{"a":1}}]}`, 'INVALID_IMAGE'],
    [`{"manifests":[{"digest":"${sha256('x')}","size":1,"platform":"linux"}]}`, 'INVALID_IMAGE'],
    [
      `{"manifests":[{"digest":"${sha256('x')}","size":1,"platform":{"os":1,"architecture":"x"}}]}`,
      'INVALID_IMAGE',
    ],
    [`{"manifests":[${'['.repeat(200)}${']'.repeat(200)}]}`, 'LIMIT'],
    ['['.repeat(5_000_000), 'LIMIT'],
    [`{"manifests":[${'0,'.repeat(20_001)}0]}`, 'LIMIT'],
    [' '.repeat(8 * 1024 * 1024 + 1), 'LIMIT'],
  ])('index.json %#', async (text, code) => {
    await expect(openImage(withIndex(text))).rejects.toMatchObject({ code: `ERR_OCIRENDER_${code}` });
  });

  it.each([
    ['null', 'INVALID_IMAGE'],
    ['{}', 'INVALID_IMAGE'],
    ['{"layers":[]}', 'INVALID_IMAGE'],
    ['{"config":null,"layers":[]}', 'INVALID_IMAGE'],
    [`{"config":${CONFIG}}`, 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":null}`, 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":{"length":1}}`, 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":[[]]}`, 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":[],"manifests":[]}`, 'INVALID_IMAGE'],
    ['{"manifests":[]}', 'INVALID_IMAGE'],
    [`{"config":${CONFIG},"layers":[]}`, 'NOT_FOUND'],
    ['{"schemaVersion":1,"fsLayers":[]}', 'UNSUPPORTED_MEDIA_TYPE'],
    [`{"config":${CONFIG},"layers":[${`${CONFIG},`.repeat(4096)}${CONFIG}]}`, 'LIMIT'],
  ])('manifest %#', async (text, code) => {
    await expect(openImage(withManifest(text))).rejects.toMatchObject({ code: `ERR_OCIRENDER_${code}` });
  });

  it.each([
    ['', 'INVALID_IMAGE'],
    ['null', 'INVALID_IMAGE'],
    ['{"rootfs":[]}', 'INVALID_IMAGE'],
    ['{"rootfs":{"diff_ids":"x"}}', 'INVALID_IMAGE'],
    ['{"rootfs":{"diff_ids":[]}}', 'INVALID_IMAGE'],
    ['{"rootfs":{"diff_ids":[1]}}', 'INVALID_IMAGE'],
    ['{"rootfs":{"diff_ids":["sha256:x"]}}', 'INVALID_DIGEST'],
    [`{"rootfs":{"diff_ids":["${sha256('a')}","${sha256('b')}"]}}`, 'INVALID_IMAGE'],
    ['{"os":1}', 'INVALID_IMAGE'],
  ])('config %s', async (text, code) => {
    const layout = new TestLayout();
    const layers = [layout.blob('a', TYPES.layer)];
    layout.write(
      layout.json({ schemaVersion: 2, config: layout.blob(text, TYPES.config), layers }, TYPES.manifest),
    );
    await expect(openImage(layout.directory)).rejects.toMatchObject({ code: `ERR_OCIRENDER_${code}` });
  });

  it.each(['', 'null', '{}', '{"imageLayoutVersion":"2.0.0"}', '{"imageLayoutVersion":1}'])(
    'oci-layout %s',
    async (text) => {
      const layout = new TestLayout();
      layout.write(layout.image(['a']));
      layout.file('oci-layout', text);
      await expect(openImage(layout.directory)).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_INVALID_IMAGE',
      });
    },
  );

  it.each([
    'null',
    '{}',
    '[null]',
    '[{}]',
    '[{"Config":7}]',
    '[{"Config":""}]',
    '[{"Config":"a\\u0000b"}]',
    '[{"Config":"c","Layers":{}}]',
    '[{"Config":"c","Layers":[1]}]',
    '[{"Config":"c","RepoTags":[1]}]',
  ])('manifest.json %s', async (text) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'manifest.json'), text);
    await expect(openImage(directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_IMAGE' });
  });

  it('names file and field, without control characters', async () => {
    const name = String.raw`\u001b[31m`;
    const directory = withIndex(
      `{"schemaVersion":2,"manifests":[{"digest":"${sha256('x')}","size":"${name}"}]}`,
    );
    await expect(openImage(directory)).rejects.toThrow(
      String.raw`index.json.manifests[0].size must be a whole number of bytes, but is "\x1b[31m"`,
    );
  });

  it('refuses schema 1 by media type', async () => {
    const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    await expect(openImage(withManifest('{"x":1}', type))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      hint: expect.stringContaining('skopeo'),
    });
  });

  it('refuses something that is neither manifest nor index', async () => {
    await expect(openImage(withManifest('<a/>', 'application/xml'))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining('application/xml'),
    });
  });

  it('notices changed blobs of every kind', async () => {
    for (const change of ['manifest', 'config', 'layer'] as const) {
      const layout = new TestLayout();
      const manifest = layout.image(['layer']);
      layout.write(manifest);
      const image = await openImage(layout.directory);
      const digest = { manifest: manifest.digest, config: image.config!.digest, layer: sha256('layer') }[
        change
      ];
      const original = readFileSync(layout.path(digest));
      original[original.length - 2]! ^= 1;
      writeFileSync(layout.path(digest), original);
      await expect(drain(layout.directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
      writeFileSync(layout.path(digest), original.subarray(1));
      await expect(drain(layout.directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SIZE_MISMATCH' });
      writeFileSync(layout.path(digest), Buffer.concat([original, original]));
      await expect(drain(layout.directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SIZE_MISMATCH' });
    }
  });
});

async function drain(directory: string): Promise<void> {
  for (const layer of (await openImage(directory)).layers) await collect(layer.open());
}

/** Cuts, flips, doubles or replaces a few bytes. */
const mutation = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('flip', 'cut', 'double', 'set'),
    value: fc.nat(255),
    length: fc.integer({ min: 1, max: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(
  bytes: Buffer,
  changes: { at: number; kind: string; value: number; length: number }[],
): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, kind, value, length } of changes) {
    if (result.length === 0) break;
    const i = at % result.length;
    if (kind === 'flip') result[i]! ^= 1 << (value % 8);
    else if (kind === 'set') result[i] = value;
    else if (kind === 'cut') result = Buffer.concat([result.subarray(0, i), result.subarray(i + length)]);
    else result = Buffer.concat([result.subarray(0, i + length), result.subarray(i)]);
  }
  return result;
}

/** Only typed errors may come out. */
async function survives(directory: string): Promise<void> {
  for (const run of [() => drain(directory), () => listImages(directory)]) {
    try {
      await run();
    } catch (error) {
      if (!isOcirenderError(error)) throw error;
    }
  }
}

describe('mutated documents', () => {
  const layout = new TestLayout();
  const image = layout.image(['layer']);
  const index = layout.index([
    image,
    { ...image, platform: { os: 'linux', architecture: 'amd64', variant: 'v2' } },
  ]);

  it('index.json', async () => {
    const good = Buffer.from(
      JSON.stringify({ schemaVersion: 2, manifests: [named('x', index), named('latest', image)] }),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async (changes) => {
        layout.file('index.json', mutate(good, changes));
        await survives(layout.directory);
      }),
      { numRuns: 400 },
    );
  });

  it('manifest and config, with digests that fit', async () => {
    const config = Buffer.from(
      JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256('layer')] } }),
    );
    await fc.assert(
      fc.asyncProperty(mutation, fc.boolean(), async (changes, mutateConfig) => {
        const manifest = {
          schemaVersion: 2,
          config: layout.blob(mutateConfig ? mutate(config, changes) : config, TYPES.config),
          layers: [layout.blob('layer', TYPES.layer)],
        };
        const bytes = Buffer.from(JSON.stringify(manifest));
        layout.write(layout.blob(mutateConfig ? bytes : mutate(bytes, changes), TYPES.manifest));
        await survives(layout.directory);
      }),
      { numRuns: 400 },
    );
  });
});
