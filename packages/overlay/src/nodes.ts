import type {
  ByteString,
  ContentRef,
  DeviceInode,
  DirectoryInode,
  Extent,
  FileInode,
  Metadata,
  SpecialInode,
  SymlinkInode,
  Xattrs,
} from '@ocirender/interface';
import type { JournalRecord } from './journal.ts';

/** The tree's own inodes remember which layer made them. */
abstract class Node implements Metadata {
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  xattrs: Xattrs;
  /** Index of the layer whose entry made (or last described) this inode. */
  layer: number;
  extraPax?: ReadonlyMap<ByteString, Uint8Array>;

  constructor(metadata: Metadata & Pick<JournalRecord, 'extraPax'>, layer: number) {
    this.mode = metadata.mode;
    this.uid = metadata.uid;
    this.gid = metadata.gid;
    this.mtime = metadata.mtime;
    this.mtimeNs = metadata.mtimeNs;
    this.xattrs = metadata.xattrs;
    this.layer = layer;
    if (metadata.extraPax !== undefined) this.extraPax = metadata.extraPax;
  }
}

/** A directory under construction. */
export class DirectoryNode extends Node implements DirectoryInode {
  readonly type = 'directory';
  readonly children: Map<ByteString, TreeNode> = new Map();
}

/** A regular file; `record` is its entry's index in the journal of `layer`. */
export class FileNode extends Node implements FileInode {
  readonly type = 'file';
  readonly size: number;
  readonly record: number;
  content: ContentRef | undefined = undefined;
  readonly extents?: readonly Extent[];

  constructor(record: JournalRecord, layer: number, index: number) {
    super(record, layer);
    this.size = record.size;
    this.record = index;
    if (record.extents !== undefined) this.extents = record.extents;
  }
}

/** A symbolic link. Linux gives every one mode 0777, whatever the archive says. */
export class SymlinkNode extends Node implements SymlinkInode {
  readonly type = 'symlink';
  readonly target: ByteString;

  constructor(record: JournalRecord, layer: number) {
    super(record, layer);
    this.mode = 0o777;
    this.target = record.linkTarget;
  }
}

/** A device. */
export class DeviceNode extends Node implements DeviceInode {
  readonly type: DeviceInode['type'];
  readonly devMajor: number;
  readonly devMinor: number;

  constructor(record: JournalRecord, type: DeviceInode['type'], layer: number) {
    super(record, layer);
    this.type = type;
    this.devMajor = record.devMajor;
    this.devMinor = record.devMinor;
  }
}

/** A FIFO or a socket. */
export class SpecialNode extends Node implements SpecialInode {
  readonly type: SpecialInode['type'];

  constructor(record: JournalRecord, type: SpecialInode['type'], layer: number) {
    super(record, layer);
    this.type = type;
  }
}

/** Any inode of a tree under construction. */
export type TreeNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode | SpecialNode;
