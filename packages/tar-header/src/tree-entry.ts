import {
  type ByteString,
  displayPath,
  type Entry,
  type Extent,
  type Inode,
  type Metadata,
  NO_XATTRS,
} from '@ocirender/interface';

interface Particulars {
  readonly size?: number;
  readonly extents?: readonly Extent[] | undefined;
  readonly linkTarget?: ByteString;
  readonly devMajor?: number;
  readonly devMinor?: number;
}

/**
 * Makes the entry of a name in a tree.
 *
 * @param path - from the root; empty for the root itself
 * @param inode - anything but a socket, and no file that has content
 * @param target - the name under which the archive has the inode already
 * @returns the entry; a hard link when there is a target
 * @throws {Error} for a file with content, which a content's own entry must have brought
 */
export function treeEntry(path: ByteString, inode: Inode, target: ByteString | undefined): Entry {
  if (target !== undefined) {
    // The target's header has said everything else.
    const entry = entryOf('hardlink', path, inode, undefined, { linkTarget: target });
    entry.xattrs = NO_XATTRS;
    return entry;
  }
  switch (inode.type) {
    case 'symlink':
      return entryOf('symlink', path, inode, inode.extraPax, { linkTarget: inode.target });
    case 'character-device':
    case 'block-device':
      return entryOf(inode.type, path, inode, inode.extraPax, inode);
    case 'directory':
      return entryOf('directory', path === '' ? '.' : path, inode, inode.extraPax, {});
    case 'file':
      if (inode.size > 0) throw new Error(`tar: "${displayPath(path)}" has no content`);
      return entryOf('file', path, inode, inode.extraPax, {});
    default:
      return entryOf('fifo', path, inode, inode.extraPax, {});
  }
}

/**
 * Makes an entry.
 *
 * @param type - its kind
 * @param path - as it will be spelled
 * @param metadata - mode, owner, time, xattrs
 * @param extraPax - foreign records
 * @param particulars - what only some kinds have
 * @returns the entry
 */
export function entryOf(
  type: Entry['type'],
  path: ByteString,
  { mode, uid, gid, mtime, mtimeNs, xattrs }: Metadata,
  extraPax: Entry['extraPax'],
  { size = 0, extents, linkTarget = '', devMajor = 0, devMinor = 0 }: Particulars,
): Entry {
  const entry: Entry = {
    type,
    path,
    size,
    linkTarget,
    devMajor,
    devMinor,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    xattrs,
  };
  if (extents !== undefined) entry.extents = extents;
  if (extraPax !== undefined) entry.extraPax = extraPax;
  return entry;
}
