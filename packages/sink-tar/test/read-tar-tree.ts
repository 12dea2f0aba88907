import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { expandHoles } from '@ocirender/interface';
import { readTar } from '@ocirender/tar-header';
import type { ReadEntry, ReadTree } from '../../sink-compliance/src/index.ts';

/** Reads a tar as a tree. A path that occurs twice, or a hard link before its target, is an error. */
export async function readTarTree(path: string): Promise<ReadTree> {
  const tree = new Map<string, ReadEntry>();
  for await (const { entry, content } of readTar(createReadStream(path))) {
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = entry;
    const name = entry.path === '.' ? '' : entry.path;
    // Directories with links that lead away come twice: see TarTreeWriter.finish.
    if (tree.has(name) && entry.type !== 'directory') throw new Error(`${name} occurs twice`);
    if (entry.type === 'hardlink') {
      const target = tree.get(entry.linkTarget);
      if (target === undefined) throw new Error(`${name} comes before its target ${entry.linkTarget}`);
      const differs = [mode - target.mode, uid - target.uid, gid - target.gid, mtime - target.mtime].some(
        Boolean,
      );
      if (differs || mtimeNs !== target.mtimeNs) throw new Error(`${name} differs from ${entry.linkTarget}`);
      tree.set(name, target);
      continue;
    }
    const hash = createHash('sha256');
    let size = 0;
    for await (const bytes of expandHoles(content)) {
      hash.update(bytes);
      size += bytes.length;
    }
    if (size !== entry.size) throw new Error(`${name} has ${size} bytes instead of ${entry.size}`);
    const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
    tree.set(name, {
      type: entry.type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      xattrs,
      inode: name,
      ...(entry.type === 'file' ? { size, sha256: hash.digest('hex') } : {}),
      ...(entry.type === 'symlink' ? { target: entry.linkTarget } : {}),
      ...(isDevice ? { devMajor: entry.devMajor, devMinor: entry.devMinor } : {}),
    });
  }
  return tree;
}
