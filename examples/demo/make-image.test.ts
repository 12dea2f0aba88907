import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { makeImage } from './make-image.js';

const COMMITTED = fileURLToPath(new URL('./image', import.meta.url));

/** The uncompressed layers of a layout, in no order: compressed bytes depend on the zlib in Node.js. */
async function tars(layout: string): Promise<Buffer[]> {
  const blobs = join(layout, 'blobs', 'sha256');
  const contents = await Promise.all((await readdir(blobs)).map((name) => readFile(join(blobs, name))));
  return contents
    .filter((bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b)
    .map((bytes) => gunzipSync(bytes))
    .sort((a, b) => Buffer.compare(a, b));
}

test('the image in the repository is what the script makes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ocirender-demo-'));
  try {
    const diffIds = await makeImage(directory);
    expect(diffIds).toHaveLength(3);
    const [made, committed] = await Promise.all([tars(directory), tars(COMMITTED)]);
    expect(made).toHaveLength(3);
    expect(made.map((tar) => tar.toString('base64'))).toEqual(committed.map((tar) => tar.toString('base64')));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
