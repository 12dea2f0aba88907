import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, NO_XATTRS } from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';
import { afterAll } from 'vitest';

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** Makes an empty directory that lasts as long as the test file runs. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-sources-'));
  temporary.push(directory);
  return directory;
}

/** Writes a file that lasts as long as the test file runs. */
export function temporaryFile(bytes: Uint8Array, name = 'image.tar'): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, bytes);
  return path;
}

/** A member of a tar. */
export type Member = readonly [
  name: string,
  content: Uint8Array | string | { readonly entry: Partial<Entry> },
];

/** Makes a tar. */
export function tarOf(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [path, content] of members) {
    const isEntry = typeof content === 'object' && !(content instanceof Uint8Array);
    const bytes = isEntry ? Buffer.alloc(0) : Buffer.from(content);
    const entry: Entry = {
      type: 'file',
      path,
      size: bytes.length,
      linkTarget: '',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 0,
      devMajor: 0,
      devMinor: 0,
      xattrs: NO_XATTRS,
      ...(isEntry ? content.entry : {}),
    };
    parts.push(encodeTarHeader(entry).slice(), bytes, Buffer.alloc(tarPadding(bytes.length)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** A member that is a symbolic link. */
export function symlink(target: string): Member[1] {
  return { entry: { type: 'symlink', linkTarget: target } };
}

/** A member that is a hard link. */
export function hardlink(target: string): Member[1] {
  return { entry: { type: 'hardlink', linkTarget: target } };
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function hex(bytes: Uint8Array | string): string {
  return sha256(bytes).slice('sha256:'.length);
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** Contents of layers, by the name of the image. */
export type Images = Readonly<Record<string, readonly string[]>>;

/** Members of an OCI archive with these images. */
export function ociMembers(images: Images): Member[] {
  const blobs = new Map<string, string>();
  const add = (text: string, mediaType: string): object => {
    blobs.set(`blobs/sha256/${hex(text)}`, text);
    return { mediaType, digest: sha256(text), size: Buffer.byteLength(text) };
  };
  const manifests = Object.entries(images).map(([name, layers]) => ({
    ...add(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: add(configOf(name, layers), CONFIG),
        layers: layers.map((layer) => add(layer, LAYER)),
      }),
      MANIFEST,
    ),
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  return [
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
    ...blobs,
    ['index.json', JSON.stringify({ schemaVersion: 2, manifests })],
  ];
}

function configOf(name: string, layers: readonly string[]): string {
  const rootfs = { type: 'layers', diff_ids: layers.map(sha256) };
  return JSON.stringify({ os: 'linux', architecture: 'amd64', comment: name, rootfs });
}

/** Members of an archive by `docker save` (1.10 to 24) with these images. */
export function savedMembers(images: Images): Member[] {
  const members = new Map<string, string>();
  const manifest = Object.entries(images).map(([name, layers]) => {
    const config = configOf(name, layers);
    members.set(`${hex(config)}.json`, config);
    for (const layer of layers) members.set(`${hex(layer)}/layer.tar`, layer);
    return {
      Config: `${hex(config)}.json`,
      RepoTags: [name],
      Layers: layers.map((layer) => `${hex(layer)}/layer.tar`),
    };
  });
  return [...members, ['manifest.json', JSON.stringify(manifest)]];
}

/** Members of an archive by `docker save` before 1.10: layers are named by ids and linked by their parents. */
export function firstMembers(images: Images): Member[] {
  const members: Member[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const [name, layers] of Object.entries(images)) {
    let parent: string | undefined;
    for (const layer of layers) {
      const id: string = hex(`${parent ?? ''}${layer}`);
      const config = { id, os: 'linux', architecture: 'amd64', ...(parent === undefined ? {} : { parent }) };
      members.push(
        [`${id}/VERSION`, '1.0'],
        [`${id}/json`, JSON.stringify(config)],
        [`${id}/layer.tar`, layer],
      );
      parent = id;
    }
    const [repository, tag] = name.split(':') as [string, string];
    repositories[repository] = { ...repositories[repository], [tag]: parent! };
  }
  return [...members, ['repositories', JSON.stringify(repositories)]];
}

/** Gathers a stream as text. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}
