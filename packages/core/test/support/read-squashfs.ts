import { createHash } from 'node:crypto';
import type { ByteString, ImageNode, ImageReader } from '@ocirender/interface';
import { expandHoles } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import { openSquashfs } from '../../../sink-squashfs/src/index.ts';

/** Reads a squashfs image in process. */
export async function readSquashfs(path: string): Promise<ReadTree> {
  const reader = await openSquashfs(path);
  try {
    return await readTree(reader);
  } finally {
    await reader.close();
  }
}

/** Reads all that an open image holds. */
export async function readTree(reader: ImageReader): Promise<ReadTree> {
  const nodes = new Map<ByteString, ImageNode>();
  const files = new Map<number, ImageNode>();
  for await (const { path, node } of reader.walk()) {
    nodes.set(path, node);
    if (node.type === 'file') files.set(node.id, node);
  }
  const digests = new Map<number, string>();
  for await (const { node, content } of reader.source.contents(files.values())) {
    const hash = createHash('sha256');
    for await (const bytes of expandHoles(content)) hash.update(bytes);
    digests.set(node.id, hash.digest('hex'));
  }
  return new Map([...nodes].map(([path, node]) => [path, toEntry(node, digests.get(node.id))]));
}

function toEntry(node: ImageNode, sha256: string | undefined): ReadEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, xattrs, links } = node;
  const common = { type, mode, uid, gid, mtime, mtimeNs, xattrs, inode: node.id };
  return {
    ...common,
    ...(links === undefined ? {} : { links }),
    ...(sha256 === undefined ? {} : { size: node.size, sha256 }),
    ...(type === 'symlink' ? { target: node.target } : {}),
    ...(type.endsWith('-device') ? { devMajor: node.devMajor, devMinor: node.devMinor } : {}),
  };
}
