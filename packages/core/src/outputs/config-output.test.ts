import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from '@ocirender/interface';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tarSink } from '../../../sink-tar/src/index.ts';
import { archive, member } from '../../test/support/hostile-layers.ts';
import { convert } from '../convert.ts';

let place: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocirender-config-'));
});

afterEach(() => rm(place, { recursive: true }));

const tar = archive(member({ path: 'a', data: 'x' }));
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
// Spaces and order as nobody would write them again.
const bytes = Buffer.from('{ "os":"linux" , "a": 1}\n');
const image: Image = {
  reference: 'test',
  layers: [
    {
      digest: digestOf(tar),
      size: tar.length,
      async *open() {
        yield tar;
      },
    },
  ],
  config: { bytes, json: JSON.parse(bytes.toString()) as unknown, digest: digestOf(bytes) },
};

function options(more: { image?: Image; force?: boolean } = {}): Parameters<typeof convert>[0] {
  return {
    image,
    sink: tarSink,
    output: join(place, 'out.tar'),
    configOutput: join(place, 'config.json'),
    ...more,
  };
}

it('writes the config byte for byte beside the output, and reports it', async () => {
  const report = await convert(options());
  expect(await readFile(join(place, 'config.json'))).toEqual(bytes);
  expect(report).toMatchObject({ config: { os: 'linux', a: 1 }, configDigest: digestOf(bytes) });
  expect((await readdir(place)).sort()).toEqual(['config.json', 'out.tar']);
});

it('replaces an existing file only with force', async () => {
  await writeFile(join(place, 'config.json'), 'old');
  await expect(convert(options())).rejects.toMatchObject({ code: 'ERR_OCIRENDER_OUTPUT_EXISTS' });
  expect(await readdir(place)).toEqual(['config.json']);
  await convert(options({ force: true }));
  expect(await readFile(join(place, 'config.json'))).toEqual(bytes);
});

it('a failure leaves neither output nor config', async () => {
  const broken: Image = { ...image, layers: [{ ...image.layers[0]!, diffId: digestOf(bytes) }] };
  await expect(convert(options({ image: broken }))).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
  });
  expect(await readdir(place)).toEqual([]);
});

it('an image without a config is an error, and nothing is written', async () => {
  const { config: _, ...bare } = image;
  await expect(convert(options({ image: bare }))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
  expect(await readdir(place)).toEqual([]);
});
