import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tarSink } from '@ocirender/sink-tar';

const directory = await mkdtemp(join(tmpdir(), 'sink-tar-'));
const path = join(directory, 'tree.tar');
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0, xattrs: new Map() };

const session = await tarSink.open({
  output: { kind: 'file', path },
  options: {},
  threads: 1,
  signal: new AbortController().signal,
  diagnose: console.warn,
});
// Contents first, under the paths that they will have; then the tree.
const text = Buffer.from('hello\n');
const content = await session.write(text, { size: text.length, placement: { path: 'hello', metadata } });
const hello = { type: 'file', ...metadata, size: text.length, content };
const children = new Map([
  ['hello', hello],
  ['hello-again', hello],
]);
const report = await session.finish({ root: { type: 'directory', ...metadata, mode: 0o755, children } });

console.log(report);
if ((await readFile(path)).length !== report.bytesWritten)
  throw new Error('the size is not what was reported');
await rm(directory, { recursive: true });
