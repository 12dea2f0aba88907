import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectory } from '@ocirender/sink-dir';

const root = await mkdtemp(join(tmpdir(), 'open-directory-'));
await mkdir(join(root, 'etc'));
await writeFile(join(root, 'etc/motd'), 'hello\n');
await link(join(root, 'etc/motd'), join(root, 'etc/issue'));
await symlink('etc/motd', join(root, 'motd'));

const image = await openDirectory(root);
for await (const { path, node } of image.walk())
  console.log(node.type, `/${path}`, node.size, [...node.xattrs.keys()]);
for await (const chunk of image.read('motd')) process.stdout.write(chunk);
await image.close();
await rm(root, { recursive: true });
