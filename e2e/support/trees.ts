import { spawn } from 'node:child_process';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ReadEntry, ReadTree } from '../../packages/sink-compliance/src/index.ts';
import { must, run } from './run.ts';

const LISTING = fileURLToPath(new URL('listing.py', import.meta.url));

type Line = [
  path: string,
  type: ReadEntry['type'],
  mode: number,
  uid: number,
  gid: number,
  mtime: number,
  mtimeNs: number,
  size: number | null,
  sha256: string | null,
  target: string | null,
  devMajor: number | null,
  devMinor: number | null,
  xattrs: Record<string, string>,
  inode: string,
  links: number,
];

/** Reads a directory with all that only root and system calls can tell. */
export async function listTree(directory: string): Promise<ReadTree> {
  const child = spawn('python3', [LISTING, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const tree = new Map<string, ReadEntry>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [
      path,
      type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      size,
      sha256,
      target,
      devMajor,
      devMinor,
      xattrs,
      inode,
      links,
    ] = JSON.parse(line) as Line;
    tree.set(path, {
      type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      inode,
      links,
      xattrs: new Map(Object.entries(xattrs).map(([name, hex]) => [name, Buffer.from(hex, 'hex')])),
      ...(size === null ? {} : { size }),
      ...(sha256 === null ? {} : { sha256 }),
      ...(target === null ? {} : { target }),
      ...(devMajor === null || devMinor === null ? {} : { devMajor, devMinor }),
    });
  }
  const code = await ended;
  if (code !== 0) throw new Error(`listing ${directory} ended with ${code}`);
  return tree;
}

/** Mounts an image with the kernel's own driver while something looks at it. */
export async function withMount<T>(
  image: string,
  mountPoint: string,
  use: (root: string) => Promise<T>,
  type: string = 'squashfs',
): Promise<T> {
  await mkdir(mountPoint, { recursive: true });
  await must('mount', ['-o', 'loop,ro', '-t', type, image, mountPoint]);
  try {
    return await use(mountPoint);
  } finally {
    const { code } = await run('umount', [mountPoint]);
    if (code !== 0) await must('umount', ['--lazy', mountPoint]);
  }
}

/** Number of the inode that is `lost+found` where the tree has none. */
const LOST_AND_FOUND = 11;

/** Lists a mounted ext4 filesystem without what belongs to the filesystem itself. */
async function listExt4(mountPoint: string): Promise<ReadTree> {
  const tree = new Map(await listTree(mountPoint));
  const { ino } = await lstat(join(mountPoint, 'lost+found'));
  const root = tree.get('');
  if (ino !== LOST_AND_FOUND || root === undefined) return tree;
  tree.delete('lost+found');
  return tree.set('', { ...root, links: (root.links ?? 0) - 1 });
}

/** Extracts an archive with GNU tar, with everything that it holds. */
export async function extractTar(archive: string, directory: string): Promise<void> {
  await mkdir(directory);
  const options = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-p'];
  await must('tar', [...options, '-xf', archive, '-C', directory]);
}

/** Reads an output as the kernel, GNU tar or the directory itself shows it. */
export async function readOutput(sink: string, output: string, scratch: string): Promise<ReadTree> {
  if (sink === 'squashfs' || sink === 'erofs')
    return withMount(output, join(scratch, 'mount'), listTree, sink);
  if (sink === 'ext4') {
    await must('e2fsck', ['-fn', output]);
    return withMount(output, join(scratch, 'mount'), listExt4, 'ext4');
  }
  if (sink === 'dir') return listTree(output);
  const extracted = join(scratch, 'extracted');
  await extractTar(output, extracted);
  try {
    return await listTree(extracted);
  } finally {
    await must('rm', ['-rf', extracted]);
  }
}
