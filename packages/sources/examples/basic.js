// Makes an archive as "docker save" does, opens it where it is and reads its layers.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listSourceImages, openSource } from '@ocirender/sources';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';

const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function tarOf(members) {
  const parts = Object.entries(members).flatMap(([path, content]) => {
    const bytes = Buffer.from(content);
    const entry = {
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
      xattrs: new Map(),
    };
    return [encodeTarHeader(entry).slice(), bytes, Buffer.alloc(tarPadding(bytes.length))];
  });
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const directory = await mkdtemp(join(tmpdir(), 'sources-'));
try {
  const layer = tarOf({ 'etc/motd': 'hello\n' });
  const archive = join(directory, 'images.tar');
  const manifest = [{ Config: 'config.json', RepoTags: ['greeting:1.0'], Layers: ['layer.tar'] }];
  await writeFile(
    archive,
    tarOf({
      'layer.tar': layer,
      'config.json': JSON.stringify({
        os: 'linux',
        architecture: 'amd64',
        rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
      }),
      'manifest.json': JSON.stringify(manifest),
    }),
  );

  for (const { names } of await listSourceImages(archive))
    console.log(`the archive holds ${names.join(', ')}`);
  const image = await openSource(`${archive}:greeting:1.0`);
  try {
    for (const layer of image.layers) {
      let bytes = 0;
      for await (const chunk of layer.open()) bytes += chunk.length;
      console.log(`${layer.digest}: ${bytes} bytes, verified`);
    }
  } finally {
    await image.close?.();
  }
} finally {
  await rm(directory, { recursive: true });
}
