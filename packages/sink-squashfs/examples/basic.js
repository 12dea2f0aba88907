// Writes a small image and prints what became of it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SquashfsWriter } from '@ocirender/sink-squashfs';

const folder = await mkdtemp(join(tmpdir(), 'squashfs-example-'));
const path = join(folder, 'hello.squashfs');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const text = Buffer.from('hello, squashfs\n'.repeat(1000));

const writer = new SquashfsWriter(path, { threads: 2 });
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
  const summary = await writer.finish({ root: { type: 'directory', children, ...metadata, mode: 0o755 } });
  const magic = (await readFile(path)).toString('latin1', 0, 4);
  console.log(`${magic}: ${summary.inodes} inodes in ${summary.bytesWritten} bytes`);
} catch (error) {
  await writer.abort(error);
  throw error;
} finally {
  await rm(folder, { recursive: true });
}
