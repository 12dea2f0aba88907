import { FormatError, type Inode, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import {
  EXTENDED,
  INODE_HEADER_SIZE,
  INODE_TYPE,
  LISTING_BIAS,
  MAX_SYMLINK_TARGET,
  METADATA_SIZE,
  NO_FRAGMENT,
  NO_XATTR,
} from '../format.ts';
import type { Superblock } from '../superblock.ts';
import { MIN_METADATA_STORED } from './limits.ts';
import type { LookupTable } from './lookup-table.ts';
import { MetadataCursor, type MetadataReader } from './metadata-reader.ts';
import { type DirectoryPlace, type FilePlace, type NodeFields, SquashfsNode } from './node.ts';

const TYPES = Object.fromEntries(
  Object.entries(INODE_TYPE).map(([name, number]) => [number, name]),
) as Readonly<Record<number, Inode['type']>>;

/** The tables that inodes refer to. */
export interface InodeTables {
  readonly superblock: Superblock;
  readonly inodes: MetadataReader;
  readonly directories: MetadataReader;
  readonly ids: LookupTable;
  readonly xattrs: (number: number) => Promise<Xattrs>;
}

type Details = Partial<
  Pick<NodeFields, 'size' | 'target' | 'devMajor' | 'devMinor' | 'xattrs' | 'links' | 'place'>
>;

/** Reads inodes of every type (format.adoc, "Inode Table"). */
export class InodeReader {
  readonly #tables: InodeTables;
  /** Most bytes that the whole inode table, or directory table, can hold. */
  readonly #most: { readonly inodes: number; readonly directories: number };

  constructor(tables: InodeTables) {
    this.#tables = tables;
    this.#most = { inodes: contentsBound(tables.inodes), directories: contentsBound(tables.directories) };
  }

  /**
   * Reads an inode.
   *
   * @param ref - metadata block position in the inode table << 16 | offset
   * @throws {FormatError} when there is none or it is damaged
   */
  async read(ref: number): Promise<SquashfsNode> {
    const { inodes, ids } = this.#tables;
    const position = inodes.start + Math.floor(ref / 0x1_0000);
    const cursor = new MetadataCursor(inodes, position, ref % 0x1_0000);
    const head = await cursor.take(INODE_HEADER_SIZE);
    const number = head.readUInt16LE(0);
    const extended = number > EXTENDED;
    const type = TYPES[extended ? number - EXTENDED : number];
    if (type === undefined) throw new FormatError(`an inode of unknown type ${number}`, position);
    const details = await this.#details(type, extended, cursor);
    return new SquashfsNode({
      id: ref,
      type,
      mode: head.readUInt16LE(2) & 0o7777,
      uid: (await ids.entry(head.readUInt16LE(4))).readUInt32LE(0),
      gid: (await ids.entry(head.readUInt16LE(6))).readUInt32LE(0),
      mtime: head.readUInt32LE(8),
      links: 1,
      size: 0,
      target: '',
      devMajor: 0,
      devMinor: 0,
      xattrs: NO_XATTRS,
      place: undefined,
      ...details,
    });
  }

  async #details(type: Inode['type'], extended: boolean, cursor: MetadataCursor): Promise<Details> {
    if (type === 'directory') return this.#directory(extended, cursor);
    if (type === 'file') return this.#file(extended, cursor);
    const links = (await cursor.take(4)).readUInt32LE(0);
    let own: Details = {};
    if (type === 'symlink') {
      const size = (await cursor.take(4)).readUInt32LE(0);
      if (size > MAX_SYMLINK_TARGET) {
        throw new FormatError(`a symbolic link's target of ${size} bytes`, cursor.position);
      }
      own = { size, target: (await cursor.take(size)).toString('latin1') };
    } else if (type === 'block-device' || type === 'character-device') {
      // 12 bits of the major number within 20 bits of the minor one (the kernel's new_encode_dev).
      const device = (await cursor.take(4)).readUInt32LE(0);
      own = { devMajor: (device >>> 8) & 0xfff, devMinor: (device & 0xff) | ((device >>> 12) & 0xf_ff00) };
    }
    const xattr = extended ? (await cursor.take(4)).readUInt32LE(0) : NO_XATTR;
    return { links, ...own, xattrs: await this.#tables.xattrs(xattr) };
  }

  async #directory(extended: boolean, cursor: MetadataCursor): Promise<Details> {
    const body = await cursor.take(extended ? 24 : 16);
    const stored = extended ? body.readUInt32LE(4) : body.readUInt16LE(8);
    // 3 says empty; less is what old writers gave.
    const size = Math.max(0, stored - LISTING_BIAS);
    if (size > this.#most.directories) {
      throw new FormatError(
        `a directory claims a listing of ${size} bytes, more than the directory table can hold`,
        cursor.position,
      );
    }
    const place: DirectoryPlace = {
      kind: 'directory',
      position: this.#tables.directories.start + body.readUInt32LE(extended ? 8 : 0),
      offset: body.readUInt16LE(extended ? 18 : 10),
      size,
      index: {
        count: extended ? body.readUInt16LE(16) : 0,
        position: cursor.position,
        offset: cursor.offset,
      },
    };
    const xattrs = extended ? await this.#tables.xattrs(body.readUInt32LE(20)) : NO_XATTRS;
    return { links: body.readUInt32LE(extended ? 0 : 4), xattrs, place };
  }

  async #file(extended: boolean, cursor: MetadataCursor): Promise<Details> {
    const { blockSize } = this.#tables.superblock;
    const body = await cursor.take(extended ? 40 : 16);
    const size = extended ? Number(body.readBigUInt64LE(8)) : body.readUInt32LE(12);
    const fragment = body.readUInt32LE(extended ? 28 : 4);
    const whole = Math.floor(size / blockSize);
    const blocks = fragment === NO_FRAGMENT && size % blockSize > 0 ? whole + 1 : whole;
    if (!Number.isSafeInteger(size) || 4 * blocks > this.#most.inodes) {
      throw new FormatError(
        `a file claims ${size} bytes, more than the inode table can list blocks for`,
        cursor.position,
      );
    }
    const place: FilePlace = {
      kind: 'file',
      start: extended ? Number(body.readBigUInt64LE(0)) : body.readUInt32LE(0),
      blocks,
      words: { position: cursor.position, offset: cursor.offset },
      fragment: fragment === NO_FRAGMENT || size % blockSize === 0 ? undefined : fragment,
      fragmentOffset: body.readUInt32LE(extended ? 32 : 8),
    };
    if (!extended) return { size, place };
    const xattrs = await this.#tables.xattrs(body.readUInt32LE(36));
    return { size, links: body.readUInt32LE(24), xattrs, place };
  }
}

function contentsBound({ start, end }: MetadataReader): number {
  return Math.ceil((end - start) / MIN_METADATA_STORED) * METADATA_SIZE;
}
