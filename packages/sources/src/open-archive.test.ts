import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Image } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import {
  collect,
  firstMembers,
  hardlink,
  type Images,
  type Member,
  ociMembers,
  savedMembers,
  sha256,
  symlink,
  tarOf,
  temporaryDirectory,
  temporaryFile,
} from '../test/archive-fixture.ts';
import { listSourceImages, openSource } from './open-source.ts';

const ONE: Images = { 'a:1': ['base', 'middle', 'top'] };
const TWO: Images = { 'a:1': ['base', 'one'], 'b:2': ['base', 'two'] };

const FORMS: [string, (images: Images) => Member[]][] = [
  ['an OCI archive', ociMembers],
  ['docker save', savedMembers],
  ['docker save before 1.10', firstMembers],
];

/** Node before 22.15 cannot compress so; e2e/sources tests it there. */
const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

const COMPRESSIONS: [string, (bytes: Buffer) => Buffer][] = [
  ['plain', (bytes) => bytes],
  ['gzip', (bytes) => zlib.gzipSync(bytes)],
  ...(zstd === undefined ? [] : [['zstd', zstd] as [string, (bytes: Buffer) => Buffer]]),
];

async function contents(image: Image): Promise<string[]> {
  const layers: string[] = [];
  for (const layer of image.layers) layers.push(await collect(layer.open()));
  return layers;
}

describe.each(FORMS)('%s', (_form, membersOf) => {
  it.each(COMPRESSIONS)('%s: layers are read where they are, more than once', async (_name, compress) => {
    const path = temporaryFile(compress(tarOf(membersOf(ONE))));
    const image = await openSource(path, { spool: temporaryDirectory() });
    expect(image).toMatchObject({ reference: path, platform: { os: 'linux', architecture: 'amd64' } });
    expect(image.layers.map(({ digest }) => digest)).toEqual(ONE['a:1']!.map(sha256));
    expect(await contents(image)).toEqual(ONE['a:1']);
    expect(await contents(image)).toEqual(ONE['a:1']);
    await image.close?.();
    await image.close?.();
  });

  it.each(COMPRESSIONS)('%s on standard input', async (_name, compress) => {
    const bytes = compress(tarOf(membersOf(ONE)));
    const pieces = [bytes.subarray(0, 700), bytes.subarray(700)];
    const image = await openSource('-', { stdin: Readable.from(pieces) });
    expect(await contents(image)).toEqual(ONE['a:1']);
    await image.close?.();
    await expect(contents(image)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
  });

  it('several images: one is named, or they are listed', async () => {
    const path = temporaryFile(tarOf(membersOf(TWO)));
    for (const [name, layers] of Object.entries(TWO)) {
      expect(await contents(await openSource(`${path}:${name}`))).toEqual(layers);
      expect(await contents(await openSource(`${path}:${name.split(':')[1]!}`))).toEqual(layers);
    }
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_AMBIGUOUS',
      hint: expect.stringMatching(/a:1.*b:2/) as string,
    });
    await expect(openSource(`${path}:c`)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    expect((await listSourceImages(path)).map(({ names }) => names)).toEqual([['a:1'], ['b:2']]);
  });

  it('members in any order, with ./ before their names', async () => {
    const members = membersOf(ONE).map(([name, content]): Member => [`./${name}`, content]);
    const image = await openSource(temporaryFile(tarOf(members.reverse())));
    expect(await contents(image)).toEqual(ONE['a:1']);
  });
});

describe('prefixes', () => {
  const path = temporaryFile(tarOf([...ociMembers({ 'a:1': ['new'] }), ...savedMembers({ 'a:1': ['old'] })]));

  it.each([
    [path, 'new'],
    [`oci-archive:${path}`, 'new'],
    [`oci-archive:${path}:a:1`, 'new'],
    [`docker-archive:${path}`, 'old'],
    [`docker-archive:${path}:a:1`, 'old'],
  ])('%s', async (reference, layer) => {
    expect(await contents(await openSource(reference))).toEqual([layer]);
  });

  it('refuse another form', async () => {
    const oci = temporaryFile(tarOf(ociMembers(ONE)));
    const saved = temporaryFile(tarOf(savedMembers(ONE)));
    const code = 'ERR_OCIRENDER_NOT_FOUND';
    await expect(openSource(`docker-archive:${oci}`)).rejects.toMatchObject({ code });
    await expect(openSource(`oci-archive:${saved}`)).rejects.toMatchObject({ code });
    await expect(openSource(`oci-archive:${saved}.x`)).rejects.toMatchObject({ code });
  });
});

describe('links', () => {
  it.each([
    ['a symbolic link', symlink('../x/layer.tar')],
    ['a symbolic link to a link', symlink('../y/layer.tar')],
    ['a hard link', hardlink('x/layer.tar')],
  ])('%s to another layer', async (_name, link) => {
    const layer = 'bytes';
    const config = JSON.stringify({ rootfs: { diff_ids: [sha256(layer), sha256(layer)] } });
    const members: Member[] = [
      ['x/layer.tar', layer],
      ['y/layer.tar', symlink('../x/layer.tar')],
      ['z/layer.tar', link],
      ['config.json', config],
      ['manifest.json', JSON.stringify([{ Config: 'config.json', Layers: ['x/layer.tar', 'z/layer.tar'] }])],
    ];
    expect(await contents(await openSource(temporaryFile(tarOf(members))))).toEqual([layer, layer]);
  });
});

it('the last of several members of one name counts', async () => {
  const members: Member[] = [['manifest.json', '[]'], ...savedMembers(ONE)];
  const image = await openSource(temporaryFile(tarOf(members)));
  expect(await contents(image)).toEqual(ONE['a:1']);
});

it('a plain archive needs no temporary file, a compressed one does', async () => {
  const spool = join(temporaryDirectory(), 'missing');
  const bytes = tarOf(savedMembers(ONE));
  expect(await contents(await openSource(temporaryFile(bytes), { spool }))).toEqual(ONE['a:1']);
  await expect(openSource(temporaryFile(zlib.gzipSync(bytes)), { spool })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_IO',
    message: expect.stringContaining(spool) as string,
  });
});

it('notices that the archive was changed', async () => {
  const path = temporaryFile(tarOf(savedMembers(ONE)));
  const image = await openSource(path);
  appendFileSync(path, 'x');
  await expect(contents(image)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
});

it('passes over large members without reading them, and reads them exactly', async () => {
  const layer = 'x'.repeat(3_000_001);
  const image = await openSource(temporaryFile(tarOf(savedMembers({ 'a:1': [layer, 'y'] }))));
  expect(await contents(image)).toEqual([layer, 'y']);
});

it('ends when it is aborted', async () => {
  const path = temporaryFile(tarOf(savedMembers(ONE)));
  const signal = AbortSignal.abort();
  await expect(openSource(path, { signal })).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  const image = await openSource(path);
  await expect(collect(image.layers[0]!.open({ signal }))).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
  });
});

it('ends when it is aborted while standard input hangs', async () => {
  let begin: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const stdin = new Readable({ read: () => begin() });
  const controller = new AbortController();
  const opening = openSource('-', { stdin, signal: controller.signal });
  await begun;
  controller.abort();
  await expect(opening).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  expect(stdin.destroyed).toBe(true);
});

it('a terminal is no image', async () => {
  const stdin = Object.assign(Readable.from([]), { isTTY: true });
  await expect(openSource('-', { stdin })).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
});
