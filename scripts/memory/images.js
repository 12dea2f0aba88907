import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '../../packages/tar-header/dist/index.js';

const MIB = 1024 * 1024;
const TAR = 'application/vnd.oci.image.layer.v1.tar';

/** What is measured: name to layers, oldest first. Each layer is a function that gives tar bytes. */
export const IMAGES = {
  'whited-out-2g': [
    { gzip: true, tar: () => oneFile('big', 2048) },
    { gzip: true, tar: () => small(['.wh.big', 'kept']) },
  ],
  'file-4g': [{ gzip: false, tar: () => oneFile('big', 4096) }],
  'million-small': [{ gzip: true, tar: () => many(1000, 1000, 64) }],
  'million-empty': [{ gzip: false, tar: () => many(1000, 1000, 0) }],
  // What the program takes without entries, to compare with.
  base: [{ gzip: true, tar: () => small(['kept']) }],
};

/**
 * Writes an image as an OCI layout, unless it is there.
 *
 * @param name - of the image
 * @param work - directory for all images
 * @returns the layout's directory
 */
export async function makeImage(name, work) {
  const directory = join(work, name);
  if (await stat(join(directory, 'index.json')).catch(() => undefined)) return directory;
  await rm(directory, { recursive: true, force: true });
  const blobs = join(directory, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const layers = [];
  const diffIds = [];
  for (const { gzip, tar } of IMAGES[name]) {
    const uncompressed = createHash('sha256');
    const stored = createHash('sha256');
    let size = 0;
    const temporary = join(blobs, 'new');
    await pipeline([
      tar(),
      hashing(uncompressed),
      ...(gzip ? [createGzip({ level: 1 })] : []),
      hashing(stored, (bytes) => {
        size += bytes;
      }),
      createWriteStream(temporary, { highWaterMark: MIB }),
    ]);
    const digest = stored.digest('hex');
    await rename(temporary, join(blobs, digest));
    layers.push({ mediaType: gzip ? `${TAR}+gzip` : TAR, digest: `sha256:${digest}`, size });
    diffIds.push(`sha256:${uncompressed.digest('hex')}`);
  }
  const config = await document(blobs, 'config', {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = await document(blobs, 'manifest', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers,
  });
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return directory;
}

async function document(blobs, kind, value) {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(blobs, digest), bytes);
  return {
    mediaType: `application/vnd.oci.image.${kind}.v1+json`,
    digest: `sha256:${digest}`,
    size: bytes.length,
  };
}

function hashing(hash, count = () => undefined) {
  return async function* (chunks) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      count(chunk.length);
      yield chunk;
    }
  };
}

function header(path, type, size = 0) {
  return encodeTarHeader({
    path,
    type,
    size,
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_600_000_000,
    mtimeNs: 0,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  });
}

/** One file of so many MiB, a third of it noise: no two MiB are alike. */
function* oneFile(path, mebibytes) {
  yield header(path, 'file', mebibytes * MIB);
  let state = 1;
  const noise = new Uint32Array(MIB / 12);
  for (let i = 0; i < mebibytes; i++) {
    for (let k = 0; k < noise.length; k++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      noise[k] = state;
    }
    const chunk = Buffer.alloc(MIB, 'an easy piece of text that a compressor likes. ');
    chunk.set(new Uint8Array(noise.buffer));
    yield chunk;
  }
  yield END_OF_ARCHIVE;
}

function* small(paths) {
  for (const path of paths) yield header(path, 'file');
  yield END_OF_ARCHIVE;
}

/** Directories of files, each with its own content. */
function* many(directories, files, size) {
  for (let d = 0; d < directories; d++) {
    const parts = [header(`directory-${d}`, 'directory')];
    for (let f = 0; f < files; f++) {
      const path = `directory-${d}/file-${f}.txt`;
      parts.push(header(path, 'file', size));
      if (size > 0) parts.push(Buffer.alloc(size, `${path}\n`), new Uint8Array(tarPadding(size)));
    }
    yield Buffer.concat(parts);
  }
  yield END_OF_ARCHIVE;
}
