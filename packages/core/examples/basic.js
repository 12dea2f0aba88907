// Makes a one-layer OCI layout, converts it to tar with progress events, and reads it as it is.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { convertToTar, openMergedImage } from '@ocirender/core';
import { ImageReader, NO_XATTRS } from '@ocirender/interface';
import { openImage } from '@ocirender/oci-layout';
import { END_OF_ARCHIVE, encodeTarHeader } from '@ocirender/tar-header';

const directory = await mkdtemp(join(tmpdir(), 'ocirender-example-'));
try {
  const blobs = join(directory, 'image/blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes, mediaType) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const oci = (kind) => `application/vnd.oci.image.${kind}`;
  const header = {
    path: 'hello',
    type: 'file',
    size: 512,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
  };
  const entry = { ...header, linkTarget: '', devMajor: 0, devMinor: 0, xattrs: NO_XATTRS };
  const tar = Buffer.concat([encodeTarHeader(entry), Buffer.alloc(512, 'hello\n'), END_OF_ARCHIVE]);
  const layer = await put(gzipSync(tar), oci('layer.v1.tar+gzip'));
  const diffIds = [`sha256:${createHash('sha256').update(tar).digest('hex')}`];
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } };
  const manifest = {
    schemaVersion: 2,
    mediaType: oci('manifest.v1+json'),
    config: await put(JSON.stringify(config), oci('config.v1+json')),
    layers: [layer],
  };
  const index = {
    schemaVersion: 2,
    manifests: [await put(JSON.stringify(manifest), oci('manifest.v1+json'))],
  };
  await writeFile(join(directory, 'image/index.json'), JSON.stringify(index));
  await writeFile(join(directory, 'image/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');

  const output = join(directory, 'out.tar');
  const report = await convertToTar(join(directory, 'image'), output, {
    onProgress: (event) => event.type === 'phase' && console.log('phase:', event.phase),
  });
  console.log(report.tree, (await stat(output)).size, 'bytes');

  const image = new ImageReader(await openMergedImage(await openImage(join(directory, 'image'))));
  for await (const { path, node } of image.walk()) console.log(node.type, `/${path}`, node.sha256 ?? '');
  await image.close();
} finally {
  await rm(directory, { recursive: true });
}
