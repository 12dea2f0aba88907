import type { ByteString, ImageNode, Inode, Xattrs } from '@ocirender/interface';
import type { ContentPlace } from '@ocirender/overlay';

/** An inode of a merged image. */
export class MergedNode implements ImageNode {
  readonly type: ImageNode['type'];
  readonly id: number;
  readonly size: number;
  readonly target: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly xattrs: Xattrs;
  readonly sha256?: string;
  readonly children: ReadonlyMap<ByteString, Inode> | undefined;
  /** Where its content is; undefined when it has none. */
  readonly place: ContentPlace | undefined;

  constructor(id: number, inode: Inode, place: ContentPlace | undefined, sha256: string | undefined) {
    this.type = inode.type;
    this.id = id;
    this.target = inode.type === 'symlink' ? inode.target : '';
    this.size = inode.type === 'file' ? inode.size : this.target.length;
    const isDevice = inode.type === 'character-device' || inode.type === 'block-device';
    this.devMajor = isDevice ? inode.devMajor : 0;
    this.devMinor = isDevice ? inode.devMinor : 0;
    this.mode = inode.mode;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.mtime = inode.mtime;
    this.mtimeNs = inode.mtimeNs;
    this.xattrs = inode.xattrs;
    this.children = inode.type === 'directory' ? inode.children : undefined;
    this.place = place;
    if (sha256 !== undefined) this.sha256 = sha256;
  }
}
