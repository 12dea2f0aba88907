import { createHash } from 'node:crypto';
import type { ByteString } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import { type ReadInode, readImage } from '../../../sink-squashfs/src/testing/read-image.ts';

/** Names of the basic inode types, by number. */
const TYPES: Readonly<Record<number, ReadEntry['type']>> = {
  1: 'directory',
  2: 'file',
  3: 'symlink',
  4: 'block-device',
  5: 'character-device',
  6: 'fifo',
  7: 'socket',
};

/** Reads a squashfs image in process. */
export async function readSquashfs(path: string): Promise<ReadTree> {
  const { root } = await readImage(path);
  const tree = new Map<ByteString, ReadEntry>();
  const pending: [ByteString, ReadInode][] = [['', root]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [name, inode] = next;
    tree.set(name, toEntry(inode));
    const prefix = name === '' ? '' : `${name}/`;
    for (const [child, childInode] of inode.children ?? []) pending.push([prefix + child, childInode]);
  }
  return tree;
}

function toEntry(inode: ReadInode): ReadEntry {
  const type = TYPES[inode.type]!;
  const content = inode.content ?? Buffer.alloc(0);
  return {
    type,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    mtime: inode.mtime,
    mtimeNs: 0,
    inode: inode.number,
    links: inode.nlink,
    xattrs: new Map(
      Object.entries(inode.xattrs).map(([name, value]) => [name, Buffer.from(value, 'latin1')]),
    ),
    ...(type === 'file'
      ? { size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
      : {}),
    ...(inode.target === undefined ? {} : { target: inode.target }),
    ...(inode.device === undefined ? {} : deviceNumbers(inode.device)),
  };
}

/** Splits a device number as the kernel's `new_decode_dev` does. */
function deviceNumbers(device: number): { devMajor: number; devMinor: number } {
  return { devMajor: (device >>> 8) & 0xfff, devMinor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
