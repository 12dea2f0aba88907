import {
  type ByteString,
  type Entry,
  type Extent,
  type ImageNode,
  type Metadata,
  NO_XATTRS,
  type Xattrs,
} from '@ocirender/interface';

/** An inode of an archive. Symbolic links have mode 0777 whatever the archive says, as on Linux. */
export class TarNode implements ImageNode {
  readonly type: ImageNode['type'];
  readonly id: number;
  readonly size: number;
  readonly target: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  xattrs: Xattrs;
  sha256?: string;
  /** Which of the archive's members it is, from 0; -1 for a directory that no member describes. */
  readonly member: number;
  /** Where its bytes begin in the uncompressed archive; -1 when it has none. */
  offset = -1;
  readonly extents?: readonly Extent[];

  constructor(id: number, entry: Entry, member: number) {
    const { type, linkTarget, extents } = entry;
    this.type = type as ImageNode['type'];
    this.id = id;
    this.member = member;
    this.target = type === 'symlink' ? linkTarget : '';
    this.size = type === 'symlink' ? linkTarget.length : entry.size;
    this.devMajor = entry.devMajor;
    this.devMinor = entry.devMinor;
    this.mode = type === 'symlink' ? 0o777 : entry.mode;
    this.uid = entry.uid;
    this.gid = entry.gid;
    this.mtime = entry.mtime;
    this.mtimeNs = entry.mtimeNs;
    this.xattrs = entry.xattrs;
    if (extents !== undefined) this.extents = extents;
  }
}

/** What a directory has that no member describes. */
const IMPLIED: Entry = {
  type: 'directory',
  path: '',
  size: 0,
  linkTarget: '',
  devMajor: 0,
  devMinor: 0,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNs: 0,
  xattrs: NO_XATTRS,
};

/** A directory of an archive. */
export class TarDirectory extends TarNode {
  readonly children: Map<ByteString, TarNode> = new Map();
  /** The directory that holds it; the root's is itself. */
  readonly parent: TarDirectory;
  /** Directories above it. */
  readonly depth: number;

  constructor(id: number, parent: TarDirectory | undefined, entry: Entry = IMPLIED, member = -1) {
    super(id, entry, member);
    this.parent = parent ?? this;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /**
   * Takes what a further member says of it.
   *
   * @param metadata - the member's
   */
  describe({ mode, uid, gid, mtime, mtimeNs, xattrs }: Metadata): void {
    Object.assign(this, { mode, uid, gid, mtime, mtimeNs, xattrs });
  }
}
