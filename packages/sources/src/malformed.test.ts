import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  collect,
  hardlink,
  type Member,
  ociMembers,
  savedMembers,
  sha256,
  symlink,
  tarOf,
  temporaryDirectory,
  temporaryFile,
} from '../test/archive-fixture.ts';
import { openArchiveFile, openArchiveStream } from './open-archive.ts';
import { openSource } from './open-source.ts';

const SAVED = savedMembers({ 'a:1': ['base', 'top'] });
const GOOD = tarOf(SAVED);

/** Opens an archive and reads its layers. */
async function readAll(path: string): Promise<string[]> {
  const image = await openSource(path);
  try {
    const layers: string[] = [];
    for (const layer of image.layers) layers.push(await collect(layer.open()));
    return layers;
  } finally {
    await image.close?.();
  }
}

/** An archive whose one layer is at `name`. */
function withLayer(name: string, ...members: Member[]): Member[] {
  return [
    ...members,
    ['config.json', JSON.stringify({ rootfs: { diff_ids: [sha256('layer')] } })],
    ['manifest.json', JSON.stringify([{ Config: 'config.json', Layers: [name] }])],
  ];
}

describe('links and names that lead elsewhere', () => {
  it.each<[string, string, Member[]]>([
    ['out of the archive', 'PATH_ESCAPE', withLayer('l', ['l', symlink('../etc/passwd')])],
    ['to an absolute path', 'PATH_ESCAPE', withLayer('l', ['l', symlink('/etc/passwd')])],
    ['by a hard link', 'PATH_ESCAPE', withLayer('l', ['l', hardlink('../../etc/passwd')])],
    ['to themselves', 'SYMLINK_LOOP', withLayer('l', ['l', symlink('l')])],
    ['round and round', 'SYMLINK_LOOP', withLayer('l', ['l', symlink('m')], ['m', symlink('l')])],
    ['to nothing', 'NOT_FOUND', withLayer('l', ['l', symlink('m')])],
    ['nowhere', 'NOT_FOUND', withLayer('l')],
    ['to a directory', 'IO', withLayer('l', ['l', { entry: { type: 'directory' } }])],
    ['to a device', 'IO', withLayer('l', ['l', { entry: { type: 'character-device' } }])],
    ['by the manifest', 'PATH_ESCAPE', withLayer('../../l', ['l', 'layer'])],
    ['by an absolute name in the manifest', 'PATH_ESCAPE', withLayer('/l', ['l', 'layer'])],
    ['by a member’s name', 'NOT_FOUND', withLayer('l', ['../l', 'layer'])],
  ])('%s', async (_name, code, members) => {
    await expect(readAll(temporaryFile(tarOf(members)))).rejects.toMatchObject({
      code: `ERR_OCIRENDER_${code}`,
    });
  });

  it('a layer that is sparse', async () => {
    const sparse: Member = ['l', { entry: { size: 1024, extents: [] } }];
    await expect(readAll(temporaryFile(tarOf(withLayer('l', sparse))))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
    });
  });
});

describe('docker save before 1.10', () => {
  const id = 'a'.repeat(64);
  const of = (repositories: unknown, ...members: Member[]): Member[] => [
    ...members,
    ['repositories', JSON.stringify(repositories)],
  ];
  it.each<[string, string, Member[]]>([
    ['repositories is no object', 'INVALID_IMAGE', of([])],
    ['a repository is no object', 'INVALID_IMAGE', of({ a: 'b' })],
    ['an id that is a path', 'INVALID_IMAGE', of({ a: { b: '../../x' } })],
    ['no images', 'NOT_FOUND', of({})],
    ['a missing config', 'NOT_FOUND', of({ a: { b: id } })],
    ['a config that is no JSON', 'INVALID_IMAGE', of({ a: { b: id } }, [`${id}/json`, '{'])],
    ['a missing layer', 'NOT_FOUND', of({ a: { b: id } }, [`${id}/json`, '{}'])],
    ['its own parent', 'INVALID_IMAGE', of({ a: { b: id } }, [`${id}/json`, `{"parent":"${id}"}`])],
    ['a parent that is a path', 'INVALID_IMAGE', of({ a: { b: id } }, [`${id}/json`, '{"parent":"../x"}'])],
  ])('%s', async (_name, code, members) => {
    await expect(readAll(temporaryFile(tarOf(members)))).rejects.toMatchObject({
      code: `ERR_OCIRENDER_${code}`,
    });
  });
});

describe('bytes', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'NOT_FOUND'],
    ['text', Buffer.from('this is not an archive\n'.repeat(100)), 'FORMAT'],
    ['a few bytes', Buffer.from('x'), 'TRUNCATED'],
    ['gzip of nothing', gzipSync(''), 'NOT_FOUND'],
    ['gzip of text', gzipSync('no tar'.repeat(1000)), 'FORMAT'],
    ['cut gzip', gzipSync(GOOD).subarray(0, -20), 'TRUNCATED'],
    ['a tar of other things', tarOf([['etc/passwd', 'root']]), 'NOT_FOUND'],
    ['a tar in a tar', tarOf([['image.tar', GOOD]]), 'NOT_FOUND'],
  ])('%s', async (_name, bytes, code) => {
    const expected = { code: `ERR_OCIRENDER_${code}` };
    await expect(readAll(temporaryFile(bytes))).rejects.toMatchObject(expected);
    await expect(openSource('-', { stdin: Readable.from([bytes]) })).rejects.toMatchObject(expected);
  });

  it('changed contents of a layer are a wrong digest', async () => {
    const bytes = Buffer.from(GOOD);
    bytes.write('tip', bytes.indexOf('top\0\0'));
    await expect(readAll(temporaryFile(bytes))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
    });
  });

  it('an absurd size is found out before anything is read or taken', async () => {
    const header = tarOf([['layer.tar', { entry: { size: 2 ** 52 } }]]).subarray(0, 1536);
    await expect(readAll(temporaryFile(header))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_TRUNCATED' });
  });
});

describe('limits', () => {
  const many = Array.from({ length: 50 }, (_, n): Member => [`some-file-${n}`, 'x']);
  it.each([
    ['members', { members: 49 }],
    ['nameBytes', { nameBytes: 500 }],
  ])('%s', async (limit, limits) => {
    const path = temporaryFile(tarOf(many));
    const expected = { code: 'ERR_OCIRENDER_LIMIT', limit };
    await expect(openArchiveFile(path, { limits })).rejects.toMatchObject(expected);
    const stream = Readable.from([tarOf(many)]);
    await expect(openArchiveStream(stream, '-', { limits })).rejects.toMatchObject(expected);
  });

  it('spoolBytes', async () => {
    const path = temporaryFile(gzipSync(tarOf(many)));
    await expect(openArchiveFile(path, { limits: { spoolBytes: 10_000 } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'spoolBytes',
    });
  });

  it('a name longer than any', async () => {
    await expect(openArchiveFile(temporaryFile(tarOf([['x'.repeat(5000), 'x']])))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
    });
  });
});

describe('any damage', () => {
  const path = join(temporaryDirectory(), 'damaged.tar');
  const verdict = async (bytes: Uint8Array): Promise<string> => {
    writeFileSync(path, bytes);
    try {
      return (await readAll(path)).join();
    } catch (error) {
      if (isOcirenderError(error)) return error.code;
      throw error;
    }
  };

  it('every cut is an error, or the archive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(GOOD.length - 1), async (length) => {
        const result = await verdict(GOOD.subarray(0, length));
        // Only padding and the end-of-archive blocks may be missing.
        if (length < GOOD.length - 1536) expect(result).not.toBe('base,top');
        expect(result).toMatch(/^(base,top|ERR_OCIRENDER_(TRUNCATED|NOT_FOUND|FORMAT))$/);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['docker save', GOOD],
    ['an OCI archive', tarOf(ociMembers({ 'a:1': ['base', 'top'] }))],
  ])('changed bytes of %s give an error, or the layers as they were', async (_name, good) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          // Fewer layers or others can only come of a changed manifest, which docker save does not protect.
          expect(await verdict(bytes)).toMatch(/^((base)?,?(top)?|ERR_OCIRENDER_\w+)$/);
        },
      ),
      { numRuns: 300 },
    );
  });
});
