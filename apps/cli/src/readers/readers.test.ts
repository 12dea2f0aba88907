import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archive, type Member, member, pax } from '../../../../packages/core/test/support/hostile-layers.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { readReaderCatalog } from './catalog.ts';
import { findForm } from './find-form.ts';

function plugin(name: string, readers: unknown, more: Partial<PluginLike> = {}): PluginLike {
  const pjson = { ocirender: { interface: 1, readers } };
  return { name, version: '1.0.0', type: 'user', root: `/plugins/${name}`, pjson, ...more };
}

const declare = (...magic: [number, string][]): object => ({
  module: './reader.js',
  export: 'reader',
  summary: 'S',
  magic: magic.map(([offset, bytes]) => ({ offset, bytes })),
});

const CATALOG = readReaderCatalog([
  plugin('a', { short: declare([0, '4142']), far: declare([300, '5a5a']) }),
  plugin('b', { long: declare([0, '41424344']), 'sub-dir': declare() }),
]);

describe('readReaderCatalog', () => {
  test('reads declarations, bundled ones first; plugins with sinks only are fine', () => {
    const { readers, broken } = readReaderCatalog([
      plugin('user', { two: declare([1, 'ff']) }),
      plugin('core', { one: declare() }, { type: 'core' }),
      plugin('sinks', undefined, { pjson: { ocirender: { interface: 1, sinks: {} } } }),
      plugin('none', undefined, { pjson: {} }),
    ]);
    expect(broken).toEqual([]);
    expect(readers).toEqual([
      {
        name: 'one',
        summary: 'S',
        module: './reader.js',
        export: 'reader',
        magic: [],
        plugin: { name: 'core', version: '1.0.0', bundled: true },
        root: '/plugins/core',
      },
      expect.objectContaining({ name: 'two', magic: [{ offset: 1, bytes: 'ff' }] }),
    ]);
  });

  test.each([
    [plugin('p', { oci: declare() }), 'the name "oci" is the program\'s own'],
    [plugin('p', { Bad: declare() }), 'its name "Bad" is not kebab-case'],
    [plugin('p', { x: 5 }), '"ocirender.readers.x" of its package.json is not an object'],
    [
      plugin('p', { x: { magic: [] } }),
      '"ocirender.readers.x" of its package.json lacks "module" or "export"',
    ],
    [
      plugin('p', { x: { ...declare(), magic: undefined } }),
      '"ocirender.readers.x.magic" of its package.json is not a list of {"offset", "bytes"} with hexadecimal bytes',
    ],
    [plugin('p', { x: declare([-1, 'ff']) }), expect.stringContaining('.magic"')],
    [plugin('p', { x: declare([0, 'f']) }), expect.stringContaining('.magic"')],
    [plugin('p', { x: declare([0, '']) }), expect.stringContaining('.magic"')],
    [plugin('p', { x: declare([131_072, 'ff']) }), expect.stringContaining('.magic"')],
    [plugin('p', 'readers'), '"ocirender.readers" of its package.json is not an object'],
    [
      plugin('p', {}, { pjson: { ocirender: { interface: 2, readers: {} } } }),
      'it is made for interface 2, this is interface 1: update ocirender',
    ],
  ])('%#: unusable', (bad, reason) => {
    const { readers, broken } = readReaderCatalog([bad]);
    expect(readers).toEqual([]);
    expect(broken.map((item) => item.reason)).toEqual([reason]);
  });

  test('a name that is taken', () => {
    const { readers, broken } = readReaderCatalog([
      plugin('z', { x: declare() }, { type: 'core' }),
      plugin('a', { x: declare() }),
    ]);
    expect(readers.map(({ plugin: { name } }) => name)).toEqual(['z']);
    expect(broken).toEqual([
      {
        name: 'x',
        plugin: { name: 'a', version: '1.0.0', bundled: false },
        reason: 'its name "x" is taken by the bundled z, which is the one that is used',
      },
    ]);
  });
});

describe('findForm', () => {
  let directory: string;
  const at = (name: string): string => join(directory, name);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ocirender-forms-'));
    await writeFile(at('ab'), 'ABx');
    await writeFile(at('abcd'), 'ABCD');
    await writeFile(at('zz'), `${' '.repeat(300)}ZZ`);
    await writeFile(at('empty'), '');
    for (const name of ['plain', 'layout', 'saved', 'rootfs']) await mkdir(at(name));
    await writeFile(at('layout/oci-layout'), '{}');
    await writeFile(at('saved/manifest.json'), '[{"Layers":[]}]');
    await writeFile(at('rootfs/manifest.json'), '{"name":"an app"}');
  });
  afterAll(() => rm(directory, { recursive: true }));

  const form = async (spec: string): Promise<string> => {
    const found = await findForm(spec, CATALOG);
    return found.kind === 'oci' ? `oci ${found.reference}` : `${found.entry.name} ${found.path}`;
  };

  test('by content', async () => {
    expect(await form(at('ab'))).toBe(`short ${at('ab')}`);
    expect(await form(at('abcd'))).toBe(`long ${at('abcd')}`);
    expect(await form(at('zz'))).toBe(`far ${at('zz')}`);
    expect(await form(at('plain'))).toBe(`sub-dir ${at('plain')}`);
    expect(await form(at('rootfs'))).toBe(`sub-dir ${at('rootfs')}`);
    expect(await form(at('layout'))).toBe(`oci ${at('layout')}`);
    expect(await form(at('saved'))).toBe(`oci ${at('saved')}`);
  });

  describe('an archive is one of images by what the files at its top say, compressed or not', () => {
    const file = (path: string, data: string | object = ''): Member => ({
      path,
      data: typeof data === 'string' ? data : JSON.stringify(data),
    });
    const folder = (path: string): Member => ({ path, type: 'directory' });
    const HEX = '0'.repeat(64);
    const index = { schemaVersion: 2, manifests: [] };
    const saved = [{ Config: `${HEX}.json`, RepoTags: ['a:1'], Layers: [`${HEX}.tar.gz`] }];
    const cases: Readonly<Record<string, readonly [kind: string, ...members: (Member | Buffer)[]]>> = {
      'tar -C layout -cf x .': ['oci', folder('./'), folder('./blobs'), file('./index.json', index)],
      'a layout with its index last': [
        'oci',
        file('oci-layout', '{}'),
        file(`blobs/sha256/${HEX}`, 'x'),
        file('index.json', index),
      ],
      'a PAX header first': ['oci', pax({ comment: 'made by hand' }), file('index.json', index)],
      'a name in a PAX header': ['oci', pax({ path: './index.json' }), file('x', index)],
      'digests as names (crane, kaniko)': [
        'oci',
        file(`sha256:${HEX}`, '{}'),
        file(`${HEX}.tar.gz`, 'x'),
        file('manifest.json', saved),
      ],
      'a docker save made by hand': ['oci', file('layers/base.tar', 'x'), file('manifest.json', saved)],
      'a docker save before 1.10': [
        'oci',
        file(`${HEX}/layer.tar`, 'x'),
        file('repositories', { a: { latest: HEX } }),
      ],
      'an oci-layout without index': ['oci', file('oci-layout', { imageLayoutVersion: '1.0.0' })],
      'a root file system': [
        'reader',
        folder('./'),
        file('etc/passwd', 'x'),
        file('etc/manifest.json', saved),
      ],
      'a web site with an index.json': ['reader', file('index.json', { pages: [] }), file('index.html', 'x')],
      'a browser extension': ['reader', file('manifest.json', { manifest_version: 3 }), file('version', '1')],
      'a list that is no docker save': ['reader', file('manifest.json', [{ path: 'a' }])],
      'no JSON at all': ['reader', file('index.json', 'manifests'), file('repositories', 'x')],
      'an index that is a directory': ['reader', folder('index.json'), file('index.json/a', 'x')],
    };
    test.each(Object.entries(cases))('%s', async (_, [kind, ...members]) => {
      const tar = archive(...members.map((each) => ('path' in each ? member(each) : each)));
      for (const bytes of [tar, gzipSync(tar)]) {
        await writeFile(at('archive'), bytes);
        const catalog = readReaderCatalog([plugin('t', { tar: declare([0, bytes.toString('hex', 0, 2)]) })]);
        expect((await findForm(at('archive'), catalog)).kind).toBe(kind);
      }
    });
  });

  test('a directory is one of images by the same rule', async () => {
    await mkdir(at('web'));
    await writeFile(at('web/index.json'), '{"pages": []}');
    await writeFile(at('web/manifest.json'), '{"name": "app", "icons": []}');
    expect(await form(at('web'))).toBe(`sub-dir ${at('web')}`);
    await writeFile(at('web/index.json'), '{"schemaVersion": 2, "manifests": []}');
    expect(await form(at('web'))).toBe(`oci ${at('web')}`);
  });

  test('by prefix, whatever is there', async () => {
    expect(await form(`oci:${at('plain')}:1.0`)).toBe(`oci oci:${at('plain')}:1.0`);
    expect(await form('docker://nginx:1.27')).toBe('oci docker://nginx:1.27');
    expect(await form('docker-archive:x:y')).toBe('oci docker-archive:x:y');
    expect(await form('overlay2:x')).toBe('oci overlay2:x');
    expect(await form('-')).toBe('oci -');
    expect(await form(`far:${at('ab')}`)).toBe(`far ${at('ab')}`);
    expect(await form('sub-dir:x:y')).toBe('sub-dir x:y');
  });

  test('what is no path is an OCI reference', async () => {
    expect(await form(`${at('layout')}:tag`)).toBe(`oci ${at('layout')}:tag`);
    expect(await form(`${at('layout')}@sha256:${'0'.repeat(64)}`)).toBe(
      `oci ${at('layout')}@sha256:${'0'.repeat(64)}`,
    );
  });

  test.each(['./nowhere', 'nowhere', 'registry.example/name'])(
    '%s is not looked for in a registry',
    async (spec) => {
      await expect(form(spec)).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_NOT_FOUND',
        message: expect.stringContaining(`there is no file or directory ${spec}`),
      });
    },
  );

  test.each(['', 'oci:', 'far:'])('%j names no image', async (spec) => {
    await expect(form(spec)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
  });

  test('what no reader knows', async () => {
    const hint = expect.stringContaining('oci:, short:, far:, long:, sub-dir:');
    for (const spec of [at('empty'), '/dev/null']) {
      await expect(form(spec)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_FORMAT', hint });
    }
    await expect(findForm(at('plain'), { readers: [], broken: [] })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
    });
  });

  test('a partitioned disk says where its first partition is', async () => {
    const disk = Buffer.alloc(4096);
    disk.writeUInt16BE(0x55aa, 510);
    disk[450] = 0x83;
    disk.writeUInt32LE(2048, 454);
    disk.writeUInt32LE(9, 458);
    await writeFile(at('disk'), disk);
    await expect(form(at('disk'))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
      message: `${at('disk')} is a partitioned disk (MBR): partition 1 begins at byte 1048576`,
      hint: expect.stringContaining('--offset 1048576'),
    });
  });

  test("a directory of skopeo's is an image, with and without the prefix that else means a tree", async () => {
    await mkdir(at('skopeo'));
    await writeFile(at('skopeo/version'), 'Directory Transport Version: 1.1\n');
    await writeFile(at('skopeo/manifest.json'), '{"schemaVersion":2,"layers":[]}');
    expect(await form(at('skopeo'))).toBe(`oci ${at('skopeo')}`);
    expect(await form(`dir:${at('skopeo')}`)).toBe(`oci dir:${at('skopeo')}`);
    await mkdir(at('tree'));
    const catalog = readReaderCatalog([plugin('p', { dir: declare() })]);
    expect(await findForm(`dir:${at('skopeo')}`, catalog)).toMatchObject({ kind: 'oci' });
    expect(await findForm(`dir:${at('tree')}`, catalog)).toMatchObject({ kind: 'reader', path: at('tree') });
  });

  test('a reader that is unusable', async () => {
    const catalog = readReaderCatalog([plugin('p', { x: { magic: [] } })]);
    await expect(findForm('x:file', catalog)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNKNOWN_SINK',
      message: expect.stringContaining('the reader x of plugin p 1.0.0 cannot be used: '),
    });
  });
});
