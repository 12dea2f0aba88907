import { type ByteString, type Inode, type Metadata, walkTree, type Xattrs } from '@ocirender/interface';
import type { SinkCapabilities } from './capabilities.ts';
import { type ContentSource, contentSha256 } from './content-source.ts';
import type { ReadEntry, ReadTree } from './read-tree.ts';
import type { PlannedTree } from './tree-builder.ts';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * Says what a reader must find after a tree was written.
 *
 * @param planned - the tree
 * @param capabilities - what the format cannot hold
 * @returns the facts, clamped
 */
export function expectedTree(planned: PlannedTree, capabilities: SinkCapabilities): ReadTree {
  const sources = new Map<Inode, ContentSource>();
  for (const { inode, source } of planned.contents) if (inode !== undefined) sources.set(inode, source);
  const held = [...walkTree(planned.tree)].filter(({ inode }) => capabilities.types.includes(inode.type));
  const names = new Map<Inode, ByteString[]>();
  for (const { inode, path } of held) {
    const others = names.get(inode);
    if (others === undefined) names.set(inode, [path]);
    else others.push(path);
  }
  const result = new Map<ByteString, ReadEntry>();
  const hashes = new Map<Inode, string>();
  for (const { path, inode } of held) {
    const linkable = capabilities.hardLinks.includes(inode.type);
    const group = linkable ? names.get(inode)! : [path];
    const source = sources.get(inode);
    if (source !== undefined && !hashes.has(inode)) hashes.set(inode, contentSha256(source));
    result.set(path, {
      type: inode.type,
      ...clampMetadata(inode, inode.type, capabilities),
      inode: group[0]!,
      ...(inode.type === 'file' ? { size: inode.size, sha256: hashes.get(inode) ?? EMPTY_SHA256 } : {}),
      ...(inode.type === 'symlink' ? { target: inode.target } : {}),
      ...(inode.type === 'character-device' || inode.type === 'block-device'
        ? { devMajor: inode.devMajor, devMinor: inode.devMinor }
        : {}),
      ...(inode.type === 'directory' ? {} : { links: group.length }),
    });
  }
  return result;
}

function clampMetadata(inode: Metadata, type: Inode['type'], capabilities: SinkCapabilities): Metadata {
  const [earliest, latest] = capabilities.timeRange;
  const mtime = Math.min(Math.max(inode.mtime, earliest), latest);
  return {
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    mtime,
    mtimeNs: capabilities.nanoseconds && mtime === inode.mtime ? inode.mtimeNs : 0,
    xattrs: capabilities.xattrTypes.includes(type) ? heldXattrs(inode.xattrs, capabilities) : new Map(),
  };
}

function heldXattrs(xattrs: Xattrs, capabilities: SinkCapabilities): Xattrs {
  return new Map(
    [...xattrs].filter(([name]) => capabilities.xattrPrefixes.some((prefix) => name.startsWith(prefix))),
  );
}
