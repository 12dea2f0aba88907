// Writes a small tree into a temporary directory, without root, and shows what came of it.
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_XATTRS } from '@ocirender/interface';
import { dirSink } from '@ocirender/sink-dir';

const directory = await mkdtemp(join(tmpdir(), 'sink-dir-'));
const path = join(directory, 'rootfs');
const owner = { uid: process.getuid(), gid: process.getgid() };
const metadata = { mode: 0o644, ...owner, mtime: 1_700_000_000, mtimeNs: 0, xattrs: NO_XATTRS };

try {
  const session = await dirSink.open({
    output: { kind: 'directory', path },
    options: {},
    threads: 1,
    signal: new AbortController().signal,
    diagnose: ({ code, message }) => console.log(`${code}: ${message}`),
  });
  // Contents first, under their expected names; the tree decides.
  const hello = Buffer.from('hello\n');
  const content = await session.write(hello, {
    size: hello.length,
    placement: { path: 'etc/motd', metadata },
  });
  const motd = { ...metadata, type: 'file', size: hello.length, content };
  const device = { ...metadata, type: 'character-device', devMajor: 1, devMinor: 3 };
  const root = {
    ...metadata,
    mode: 0o755,
    type: 'directory',
    children: new Map([
      ['etc', { ...metadata, mode: 0o755, type: 'directory', children: new Map([['motd', motd]]) }],
      ['motd', motd],
      ['null', device],
      ['link', { ...metadata, type: 'symlink', target: 'etc/motd' }],
    ]),
  };
  const report = await session.finish({ root });
  console.log(report);
  console.log(await readdir(path, { recursive: true }), (await stat(join(path, 'motd'))).nlink);
  // Without root there are no devices: the mtree file has them.
  if (report.sidecars !== undefined) console.log(await readFile(`${path}.mtree`, 'latin1'));
} finally {
  await rm(directory, { recursive: true });
}
