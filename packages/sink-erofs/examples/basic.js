// Writes a small image, reads it back and prints what is in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErofsWriter, openErofs } from '@ocirender/sink-erofs';

const folder = await mkdtemp(join(tmpdir(), 'erofs-example-'));
const path = join(folder, 'hello.erofs');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const text = Buffer.from('hello, EROFS\n'.repeat(1000));

const writer = new ErofsWriter(path, { label: 'hello', compression: 'lz4', threads: 2 });
try {
  // Contents first, in any order; each gives a number …
  const content = await writer.write(text, { size: text.length, placement: { path: 'hello.txt', metadata } });
  // … by which the tree refers to it. One object under two names is a hard link.
  const file = { type: 'file', size: text.length, content, ...metadata };
  const children = new Map([
    ['hello.txt', file],
    ['again.txt', file],
    ['link', { type: 'symlink', target: 'hello.txt', ...metadata, mode: 0o777 }],
  ]);
  const root = { type: 'directory', children, ...metadata, mode: 0o755 };
  const { inodes, bytesWritten } = await writer.finish({ root });
  console.log(`${inodes} inodes in ${bytesWritten} bytes`);

  const image = await openErofs(path);
  for await (const { path: name, node } of image.walk()) console.log(node.type, name || '/', node.size);
  for await (const bytes of image.read('link', { end: 12 })) console.log(Buffer.from(bytes).toString());
  await image.close();
} catch (error) {
  await writer.abort(error);
  throw error;
} finally {
  await rm(folder, { recursive: true });
}
