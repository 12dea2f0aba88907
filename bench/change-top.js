import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '../packages/tar-header/dist/index.js';

const FILES = 128;
const FILE_BYTES = 40_000;

/**
 * Makes a layout that differs from another in its newest layer only, which has some 5 MB of new files.
 *
 * @param layout - a directory with one image
 * @param directory - where the other one goes
 * @param seed - layouts of different seeds have different newest layers
 */
export async function changeTop(layout, directory, seed) {
  await mkdir(directory);
  await cp(layout, directory, { recursive: true });
  const store = async (bytes) => {
    const digest = sha256(bytes);
    await writeFile(join(directory, 'blobs/sha256', digest.slice(7)), bytes);
    return { digest, size: bytes.length };
  };
  const load = async ({ digest }) =>
    JSON.parse(await readFile(join(directory, 'blobs/sha256', digest.slice(7)), 'utf8'));
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
  const manifest = await load(index.manifests[0]);
  const config = await load(manifest.config);

  const tar = topLayer(seed);
  Object.assign(manifest.layers.at(-1), await store(gzipSync(tar)));
  config.rootfs.diff_ids[config.rootfs.diff_ids.length - 1] = sha256(tar);
  Object.assign(manifest.config, await store(Buffer.from(JSON.stringify(config))));
  Object.assign(index.manifests[0], await store(Buffer.from(JSON.stringify(manifest))));
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
}

function topLayer(seed) {
  const parts = [];
  const base = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1.7e9,
    mtimeNs: 0,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
  };
  for (let number = 0; number < FILES; number++) {
    const content = contentOf(seed * FILES + number);
    const path = `srv/app/file-${number}.txt`;
    parts.push(
      encodeTarHeader({ ...base, path, type: 'file', size: content.length, xattrs: new Map() }),
      content,
      new Uint8Array(tarPadding(content.length)),
    );
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** Bytes that compress as text does. */
function contentOf(seed) {
  let text = '';
  for (let block = 0; text.length < FILE_BYTES; block++)
    text += `${sha256(`${seed} ${block}`).slice(7)} lorem ipsum `;
  return Buffer.from(text.slice(0, FILE_BYTES));
}

function sha256(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
