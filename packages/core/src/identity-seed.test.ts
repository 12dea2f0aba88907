import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Image, Sink } from '@ocirender/interface';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { file, tarOf } from '../../overlay/src/testing/stack.ts';
import { erofsSink } from '../../sink-erofs/src/index.ts';
import { ext4Sink } from '../../sink-ext4/src/index.ts';
import { squashfsSink } from '../../sink-squashfs/src/index.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { layer } from '../test/support/hostile-layers.ts';
import { convert } from './convert.ts';
import { identitySeed } from './identity-seed.ts';

const A = { digest: 'sha256:aa', diffId: 'sha256:11' };
const B = { digest: 'sha256:bb', diffId: 'sha256:22' };

test('a seed is of the uncompressed layers in their order, and of the choices that change the tree', () => {
  const seed = identitySeed([A, B], {}, 0);
  expect(seed).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(identitySeed([{ ...A, digest: 'sha256:cc' }, B], { lenient: false }, 0)).toBe(seed);
  const others = [
    identitySeed([B, A], {}, 0),
    identitySeed([A], {}, 0),
    identitySeed([A, { digest: 'sha256:bb' }], {}, 0),
    identitySeed([A, B], { lenient: true }, 0),
    identitySeed([A, B], { xattrs: 'none' }, 0),
    identitySeed([A, B], {}, 1),
  ];
  expect(new Set([seed, ...others]).size).toBe(others.length + 1);
});

describe('one image in two forms gives the same bytes', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ocirender-seed-'));
  });

  afterAll(() => rm(directory, { recursive: true }));

  test.each<[string, Sink]>([
    ['ext4', ext4Sink],
    ['erofs', erofsSink],
    ['squashfs', squashfsSink],
    ['tar', tarSink],
  ])('%s', async (name, sink) => {
    const tar = tarOf([file('a', 'text'), file('b', 'more')]);
    const { digest: diffId } = layer(tar);
    const forms: Image[] = [
      { reference: 'plain', layers: [{ ...layer(tar), diffId }] },
      {
        reference: 'gzip',
        manifestDigest: 'sha256:00',
        layers: [{ ...layer(gzipSync(tar), 'gzip'), diffId }],
      },
    ];
    const outputs: Buffer[] = [];
    for (const image of forms) {
      const output = join(directory, `${image.reference}.${name}`);
      await convert({ image, sink, output });
      outputs.push(await readFile(output));
    }
    expect(outputs[0]!.equals(outputs[1]!)).toBe(true);
  });
});
