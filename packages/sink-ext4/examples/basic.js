// Writes a small ext4 filesystem, reads it back and prints what is in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ext4Writer, openExt4 } from '@ocirender/sink-ext4';

const folder = await mkdtemp(join(tmpdir(), 'ext4-example-'));
const path = join(folder, 'hello.ext4');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const text = Buffer.from('hello, ext4\n'.repeat(1000));

const writer = new Ext4Writer(path, { label: 'example', free: { percent: 10 } });
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
  console.log(`${summary.blocks} blocks of ${summary.blockSize} bytes, ${summary.freeBlocks} free`);

  const image = await openExt4(path);
  console.log(image.source.facts.label, (await image.list('')).map(({ name }) => name).join(' '));
  await image.close();
} catch (error) {
  await writer.abort(error);
  throw error;
} finally {
  await rm(folder, { recursive: true });
}
