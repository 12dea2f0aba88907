import type { ByteString, ImageNode, Inode, Xattrs } from '@ocirender/interface';

/** Where a file's bytes are. */
export interface FilePlace {
  readonly kind: 'file';
  /** Position of its first block in the image, in bytes. */
  readonly start: number;
  /** Number of size words, one for each block. */
  readonly blocks: number;
  /** Metadata block and offset of the first word. */
  readonly words: { readonly position: number; readonly offset: number };
  /** Number of the fragment block that holds the tail; undefined when there is no such tail. */
  readonly fragment: number | undefined;
  /** Offset of the tail in the fragment block's contents. */
  readonly fragmentOffset: number;
}

/** Where a directory's listing is. */
export interface DirectoryPlace {
  readonly kind: 'directory';
  /** Metadata block of its first byte, as a position in the image. */
  readonly position: number;
  /** Offset in that block's contents. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Entries of the index, and metadata block and offset of the first. */
  readonly index: { readonly count: number; readonly position: number; readonly offset: number };
}

/** What a node is made of. */
export interface NodeFields extends Omit<ImageNode, 'mtimeNs' | 'sha256'> {
  readonly links: number;
  readonly place: FilePlace | DirectoryPlace | undefined;
}

/** An inode of a squashfs image. `id` is its reference: where it is in the inode table. */
export class SquashfsNode implements ImageNode {
  readonly id: number;
  readonly type: Inode['type'];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly mtimeNs = 0;
  readonly xattrs: Xattrs;
  readonly size: number;
  readonly target: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly links: number;
  readonly #place: FilePlace | DirectoryPlace | undefined;

  constructor(fields: NodeFields) {
    this.id = fields.id;
    this.type = fields.type;
    this.mode = fields.mode;
    this.uid = fields.uid;
    this.gid = fields.gid;
    this.mtime = fields.mtime;
    this.xattrs = fields.xattrs;
    this.size = fields.size;
    this.target = fields.target;
    this.devMajor = fields.devMajor;
    this.devMinor = fields.devMinor;
    this.links = fields.links;
    this.#place = fields.place;
  }

  /** Tells where a file's bytes are; undefined for anything but a file of a squashfs image. */
  static file(node: ImageNode): FilePlace | undefined {
    const place = #place in node ? node.#place : undefined;
    return place?.kind === 'file' ? place : undefined;
  }

  /** Tells where a directory's listing is; undefined for anything but a directory of a squashfs image. */
  static directory(node: ImageNode): DirectoryPlace | undefined {
    const place = #place in node ? node.#place : undefined;
    return place?.kind === 'directory' ? place : undefined;
  }
}
