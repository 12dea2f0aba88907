// Writes a small image, opens it again and shows what is in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSquashfs, SquashfsWriter } from '@ocirender/sink-squashfs';

const folder = await mkdtemp(join(tmpdir(), 'squashfs-example-'));
const path = join(folder, 'hello.squashfs');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const text = Buffer.from('hello, squashfs\n');

const writer = new SquashfsWriter(path, {});
const content = await writer.write(text, { size: text.length, placement: { path: 'hello.txt', metadata } });
const file = { type: 'file', size: text.length, content, ...metadata };
const link = { type: 'symlink', target: 'hello.txt', ...metadata, mode: 0o777 };
const children = new Map([
  ['hello.txt', file],
  ['link', link],
]);
await writer.finish({ root: { type: 'directory', children, ...metadata, mode: 0o755 } });

const image = await openSquashfs(path);
try {
  const { compression, blockSize, inodes } = image.source.facts;
  console.log(`${compression}, blocks of ${blockSize} bytes, ${inodes} inodes`);
  // Names are byte strings: one character for each byte.
  for await (const { path: name, node } of image.walk()) console.log(`${node.type} /${name} ${node.size}`);
  console.log(`link leads to ${await image.readlink('link')}`);
  // Links are followed within the image. A chunk is bytes, or { hole: length } in a sparse file.
  for await (const chunk of image.read('link')) process.stdout.write(chunk);
} finally {
  await image.close();
  await rm(folder, { recursive: true });
}
