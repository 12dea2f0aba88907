import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../test/archive-fixture.ts';
import { parseSource, SOURCE_PREFIXES } from './parse-source.ts';

const root = temporaryDirectory();
const layout = join(root, 'layout');
mkdirSync(layout);
const archive = join(root, 'image.tar');
writeFileSync(archive, '');
const storage = join(root, 'overlay2', 'abc');
mkdirSync(join(storage, 'diff'), { recursive: true });
writeFileSync(join(storage, 'link'), 'ABC');
const digest = `sha256:${'a'.repeat(64)}`;

describe('what exists', () => {
  it.each([
    [layout, { kind: 'directory', reference: { directory: layout } }],
    [`${layout}:1.0`, { kind: 'directory', reference: { directory: layout, tag: '1.0' } }],
    [`${layout}@${digest}`, { kind: 'directory', reference: { directory: layout, digest } }],
    [archive, { kind: 'archive', reference: { directory: archive } }],
    [`${archive}:a/b:1`, { kind: 'archive', reference: { directory: archive, tag: 'a/b:1' } }],
    [`${archive}@${digest}`, { kind: 'archive', reference: { directory: archive, digest } }],
    [storage, { kind: 'overlay2', directory: storage }],
  ])('%s', (text, expected) => {
    expect(parseSource(text)).toEqual(expected);
  });

  it('is neither when it is something else', () => {
    expect(() => parseSource('/dev/null')).toThrowError(
      expect.objectContaining({ code: 'ERR_OCIRENDER_NOT_FOUND' }) as Error,
    );
  });
});

describe('what is said', () => {
  it.each([
    ['-', { kind: 'stdin' }],
    [
      'oci:some/dir:tag',
      { kind: 'directory', form: 'layout', reference: { directory: 'some/dir', tag: 'tag' } },
    ],
    [`oci:${layout}`, { kind: 'directory', form: 'layout', reference: { directory: layout } }],
    ['oci-archive:x.tar:t', { kind: 'archive', form: 'layout', reference: { directory: 'x.tar', tag: 't' } }],
    [
      `docker-archive:${archive}:a:1`,
      { kind: 'archive', form: 'docker-save', reference: { directory: archive, tag: 'a:1' } },
    ],
    ['overlay2:/var/lib/docker/overlay2/x', { kind: 'overlay2', directory: '/var/lib/docker/overlay2/x' }],
    ['docker://a/b', { kind: 'registry', reference: 'a/b', guessed: false }],
    ['docker-daemon:nginx:1', { kind: 'engine', engine: 'docker', name: 'nginx:1' }],
    ['podman:localhost/x', { kind: 'engine', engine: 'podman', name: 'localhost/x' }],
    ['dir:some/dir:x', { kind: 'directory', form: 'docker-dir', reference: { directory: 'some/dir:x' } }],
    ['docker://localhost/x', { kind: 'registry', reference: 'localhost/x', guessed: false }],
    ['docker://./odd', { kind: 'registry', reference: './odd', guessed: false }],
  ])('%s', (text, expected) => {
    expect(parseSource(text)).toEqual(expected);
  });

  it.each(SOURCE_PREFIXES.map((prefix) => [prefix]))('nothing behind %s', (text) => {
    expect(() => parseSource(text)).toThrowError(
      expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }) as Error,
    );
  });
});

describe('what does not exist', () => {
  it.each([
    'nginx',
    'nginx:1.27',
    `nginx@${digest}`,
    `nginx:1.27@${digest}`,
    'my-app_2.x:v1',
    'ghcr.io/owner/name',
    'ghcr.io/owner/name:tag',
    'localhost:5000/x:y',
    'registry:5000/deep/er/name',
    '[::1]:5000/x',
  ])('%s is the name of an image in a registry', (text) => {
    expect(parseSource(text)).toEqual({ kind: 'registry', reference: text, guessed: true });
  });

  it.each([
    './nginx',
    '../nginx',
    '/nginx',
    '/no/such/dir:tag',
    'images/debian',
    'images/debian:latest',
    'build/',
    'image.tar',
    'image.tar.gz',
    'image.oci',
    'Image',
    'a b',
    '~/image',
    'C:\\image',
    'ghcr.io/',
    'ghcr.io/Owner',
    'localhost/x',
    'localhost/x:1',
    '',
    'a\0b',
  ])('%j is nothing', (text) => {
    expect(() => parseSource(text)).toThrowError(
      expect.objectContaining({
        code: 'ERR_OCIRENDER_NOT_FOUND',
        hint: expect.stringContaining('docker://NAME') as string,
      }) as Error,
    );
  });

  it.each([
    ['containers-storage:localhost/x:1', 'podman save localhost/x:1 | ocirender convert -'],
    ['ostree:x@/repo', 'skopeo copy ostree:x@/repo oci:LAYOUT:TAG'],
    ['sif:x.sif', 'skopeo copy sif:x.sif oci:LAYOUT:TAG'],
    ['oci://ghcr.io/owner/name:1', 'Write docker://ghcr.io/owner/name:1.'],
    ['https://ghcr.io/owner/name', 'docker://ghcr.io/owner/name'],
    ['http://example.com/image.tar', 'curl -L ADDRESS | ocirender convert -'],
  ])('%s is of another tool: the error says what helps', (text, help) => {
    expect(() => parseSource(text)).toThrowError(
      expect.objectContaining({
        code: 'ERR_OCIRENDER_USAGE',
        hint: expect.stringContaining(help) as string,
      }) as Error,
    );
  });

  it('what Podman calls local is not asked for in a network', () => {
    expect(() => parseSource('localhost/app:1')).toThrowError(
      expect.objectContaining({
        hint: expect.stringMatching(/podman:localhost\/app:1, or docker:\/\/localhost\/app:1/) as string,
      }) as Error,
    );
  });

  it('a path with a typing error below a directory with a dot in its name', () => {
    const cwd = process.cwd();
    mkdirSync(join(root, 'build.out'));
    process.chdir(root);
    try {
      expect(() => parseSource('build.out/imgae')).toThrowError(
        expect.objectContaining({ code: 'ERR_OCIRENDER_NOT_FOUND' }) as Error,
      );
    } finally {
      process.chdir(cwd);
    }
  });

  it('says how to get owner/name from Docker Hub', () => {
    expect(() => parseSource('bitnami/redis:7')).toThrowError(
      expect.objectContaining({
        hint: expect.stringContaining('docker://bitnami/redis:7') as string,
      }) as Error,
    );
  });
});
