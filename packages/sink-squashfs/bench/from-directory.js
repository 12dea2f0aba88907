// Feeds the files of a directory straight to the sink and prints time, CPU time, memory and size.
//
//   node bench/from-directory.js DIR OUT [threads] [option=value …]
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, rmSync } from 'node:fs';
import { parseOptions } from '@ocirender/interface';
import { squashfsSink } from '@ocirender/sink-squashfs';

const [from, path, threads = '2', ...given] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: from-directory.js DIR OUT [threads] [option=value …]');
rmSync(path, { force: true });

const started = process.hrtime.bigint();
const session = await squashfsSink.open({
  output: { kind: 'file', path },
  options: parseOptions(
    squashfsSink.options,
    Object.fromEntries(given.map((text) => text.split('='))),
    'squashfs',
  ),
  threads: Number(threads),
  signal: new AbortController().signal,
  diagnose: ({ message }) => console.error(message),
});

const SMALL = 1024 * 1024;
const buffer = Buffer.alloc(SMALL);
const byInode = new Map();
let bytes = 0;

async function* chunks(fd, first) {
  yield buffer.subarray(0, first);
  for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) yield buffer.subarray(0, got);
}

async function store(file, size, metadata) {
  const info = { size, placement: { path: file, metadata } };
  const fd = openSync(file);
  const got = readSync(fd, buffer);
  const ref = session.write(got === size ? buffer.subarray(0, got) : chunks(fd, got), info);
  const settled = typeof ref === 'number' ? ref : await ref;
  closeSync(fd);
  return settled;
}

async function read(file) {
  const stat = lstatSync(file);
  const metadata = {
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: Math.floor(stat.mtimeMs / 1000),
    mtimeNs: 0,
    xattrs: new Map(),
  };
  const known = byInode.get(stat.ino);
  if (known !== undefined) return known;
  let inode;
  if (stat.isDirectory()) {
    const children = new Map();
    for (const name of readdirSync(file, { encoding: 'latin1' })) {
      children.set(name, await read(Buffer.from(`${file}/${name}`, 'latin1').toString()));
    }
    return { type: 'directory', children, ...metadata };
  }
  if (stat.isSymbolicLink()) inode = { type: 'symlink', target: readlinkSync(file, 'latin1'), ...metadata };
  else if (stat.isFile()) {
    bytes += stat.size;
    const content = stat.size === 0 ? undefined : await store(file, stat.size, metadata);
    inode = { type: 'file', size: stat.size, content, ...metadata };
  } else inode = { type: 'fifo', ...metadata };
  if (stat.nlink > 1) byInode.set(stat.ino, inode);
  return inode;
}

const tree = { root: await read(from) };
const fed = Number(process.hrtime.bigint() - started) / 1e9;
const report = await session.finish(tree);
const wall = Number(process.hrtime.bigint() - started) / 1e9;
const { user, system } = process.cpuUsage();
console.log(
  `${(bytes / 1e6).toFixed(0)} MB in ${wall.toFixed(2)} s (fed after ${fed.toFixed(2)} s), CPU ${(user / 1e6).toFixed(2)} + ` +
    `${(system / 1e6).toFixed(2)} s, peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, ` +
    `image ${(report.bytesWritten / 1e6).toFixed(1)} MB`,
  JSON.stringify(report.details),
);
