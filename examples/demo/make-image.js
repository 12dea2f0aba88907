/**
 * Makes the example image, an OCI layout:
 *
 *     node examples/demo/make-image.js [DIRECTORY]
 *
 * The tars are the same everywhere. The gzip bytes, and so the digests of the blobs, depend on the zlib in Node.js;
 * the ones in the repository were made by Node.js 20.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { layers } from './layers.js';
import { writeTar } from './tar.js';

const CREATED = '2024-01-01T00:00:00Z';

/**
 * Makes the image.
 *
 * @param {string} target - directory of the layout; replaced
 * @returns {Promise<string[]>} digests of the uncompressed layers, oldest first
 */
export async function makeImage(target) {
  const blobs = join(target, 'blobs', 'sha256');
  await rm(target, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true });

  const store = async (mediaType, bytes) => {
    const digest = sha256(bytes);
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value) => Buffer.from(JSON.stringify(value));

  const tars = layers.map(({ members }) => writeTar(members));
  const diffIds = tars.map(sha256);
  const descriptors = [];
  for (const tar of tars) {
    descriptors.push(await store('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar, { level: 9 })));
  }
  const config = await store(
    'application/vnd.oci.image.config.v1+json',
    json({
      created: CREATED,
      architecture: 'amd64',
      os: 'linux',
      config: { Entrypoint: ['/usr/bin/hello'], Env: ['PATH=/usr/bin'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: layers.map(({ comment }) => ({ created: CREATED, comment })),
    }),
  );
  const manifest = await store(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: descriptors,
    }),
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'demo' };
  // Without a platform in the index the image fits every machine.
  await writeFile(
    join(target, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(join(target, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  return diffIds;
}

function sha256(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2] ?? fileURLToPath(new URL('./image', import.meta.url));
  const diffIds = await makeImage(target);
  console.log(`${target}: ${diffIds.length} layers`);
}
