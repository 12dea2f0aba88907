import { createHash } from 'node:crypto';
import { expandHoles, type ImageNode, type ImageSource } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import { openErofs } from '../reader/reader.ts';

/** Reads an EROFS image in process. */
export async function readErofs(path: string): Promise<ReadTree> {
  const image = await openErofs(path);
  try {
    const tree = new Map<string, ReadEntry>();
    for await (const { path: name, node } of image.walk()) tree.set(name, await toEntry(image.source, node));
    return tree;
  } finally {
    await image.close();
  }
}

async function toEntry(source: ImageSource, node: ImageNode): Promise<ReadEntry> {
  const { type, mode, uid, gid, mtime, mtimeNs, xattrs, id, links } = node;
  const isDevice = type === 'character-device' || type === 'block-device';
  const entry = {
    type,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    xattrs,
    inode: id,
    ...(links === undefined ? {} : { links }),
  };
  if (type === 'symlink') return { ...entry, target: node.target };
  if (isDevice) return { ...entry, devMajor: node.devMajor, devMinor: node.devMinor };
  if (type !== 'file') return entry;
  const digest = createHash('sha256');
  let size = 0;
  for await (const chunk of expandHoles(source.content(node))) {
    digest.update(chunk);
    size += chunk.length;
  }
  return { ...entry, size, sha256: digest.digest('hex') };
}
