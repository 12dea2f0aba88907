import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openTar } from '@ocirender/sink-tar';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';

const directory = await mkdtemp(join(tmpdir(), 'open-tar-'));
const path = join(directory, 'rootfs.tar.gz');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const text = Buffer.from('hello\n');
const file = {
  ...metadata,
  type: 'file',
  path: 'etc/motd',
  size: text.length,
  linkTarget: '',
  devMajor: 0,
  devMinor: 0,
};
const link = { ...file, type: 'symlink', path: 'motd', size: 0, linkTarget: 'etc/motd' };
const padding = Buffer.alloc(tarPadding(text.length));
await writeFile(
  path,
  gzipSync(Buffer.concat([encodeTarHeader(file), text, padding, encodeTarHeader(link), END_OF_ARCHIVE])),
);

const image = await openTar(path);
for await (const { path, node } of image.walk()) console.log(node.type, `/${path}`, node.sha256 ?? '');
for await (const chunk of image.read('motd')) console.log(Buffer.from(chunk).toString().trim());
await image.close();
await rm(directory, { recursive: true });
