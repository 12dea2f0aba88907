// Builds a tiny OCI image layout in a temporary directory, opens it and reads its layers.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatPlatform, listImages, openImage } from '@ocirender/oci-layout';

const directory = await mkdtemp(join(tmpdir(), 'layout-'));
const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function blob(bytes, mediaType) {
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  await writeFile(join(directory, 'blobs', sha256(bytes).replace(':', '/')), bytes);
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}
const json = (value, mediaType) => blob(Buffer.from(JSON.stringify(value)), mediaType);

try {
  const tar = Buffer.alloc(1024); // the end-of-archive blocks alone: an empty tar
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [sha256(tar)] } };
  const manifest = await json(
    {
      schemaVersion: 2,
      config: await json(config, 'application/vnd.oci.image.config.v1+json'),
      layers: [await blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip')],
    },
    'application/vnd.oci.image.manifest.v1+json',
  );
  manifest.annotations = { 'org.opencontainers.image.ref.name': '1.0' };
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));

  for (const { names, platform } of await listImages(directory)) {
    console.log(`${names.join(', ')} for ${formatPlatform(platform)}`);
  }
  const image = await openImage(`${directory}:1.0`);
  for (const layer of image.layers) {
    let bytes = 0;
    for await (const chunk of layer.open()) bytes += chunk.length;
    console.log(`${layer.digest} ${layer.mediaType}: ${bytes} bytes, digest and size verified`);
  }
} finally {
  await rm(directory, { recursive: true });
}
