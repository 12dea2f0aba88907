import { createHash } from 'node:crypto';
import { expandHoles, type ImageNode } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import { openExt4 } from '../reader/reader.ts';

/** Reads a filesystem with the reader of this package. */
export async function readExt4(path: string): Promise<ReadTree> {
  const image = await openExt4(path);
  try {
    const tree = new Map<string, ReadEntry>();
    const hashes = new Map<number, string>();
    const files = new Map<number, ImageNode>();
    for await (const { path: name, node } of image.walk()) {
      if (node.type === 'file') files.set(node.id, node);
      tree.set(name, entryOf(node));
    }
    for await (const { node, content } of image.source.contents(files.values())) {
      const hash = createHash('sha256');
      for await (const bytes of expandHoles(content)) hash.update(bytes);
      hashes.set(node.id, hash.digest('hex'));
    }
    return new Map(
      [...tree].map(([name, entry]) => {
        const sha256 = hashes.get(entry.inode as number);
        return [name, sha256 === undefined ? entry : { ...entry, sha256 }];
      }),
    );
  } finally {
    await image.close();
  }
}

function entryOf(node: ImageNode): ReadEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, size, target, devMajor, devMinor, xattrs, id, links } = node;
  return {
    type,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    xattrs,
    inode: id,
    ...(links === undefined ? {} : { links }),
    ...(type === 'file' ? { size } : {}),
    ...(type === 'symlink' ? { target } : {}),
    ...(type === 'character-device' || type === 'block-device' ? { devMajor, devMinor } : {}),
  };
}
