import { readFile } from 'node:fs/promises';
import { EXTENDED, METADATA_SIZE, NO_FRAGMENT, NO_XATTR, SUPERBLOCK, XATTR_PREFIXES } from '../format.ts';
import { compressorName, createDecoder } from '../reader/decoder.ts';

/** One inode of an image that was read. Hard links are one object. */
export interface ReadInode {
  /** Basic type number. */
  type: number;
  extended: boolean;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  number: number;
  nlink: number;
  xattrs: Record<string, string>;
  target?: string;
  device?: number;
  content?: Buffer;
  size?: number;
  sparse?: number;
  start?: number;
  words?: number[];
  fragment?: number;
  children?: Map<string, ReadInode>;
  parent?: number;
  index?: { offset: number; blockPosition: number; name: string }[];
}

/** An image that was read whole. */
export interface ReadImage {
  root: ReadInode;
  super: Record<keyof typeof SUPERBLOCK, number>;
  /** Inode references by number - 1; undefined without an export table. */
  exports: number[] | undefined;
  inodes: Map<number, ReadInode>;
  fragmentSizes: number[];
  fileSize: number;
}

const NONE = Number(0xffff_ffff_ffff_ffffn);

/**
 * Reads an image of the tests whole, and checks what a reader relies on: sorted names, runs, indexes, tables
 * that end where the next begins. Trusts the image otherwise; not for images of others.
 */
export async function readImage(path: string, options: { contents?: boolean } = {}): Promise<ReadImage> {
  const file = await readFile(path);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const u16 = (at: number): number => view.getUint16(at, true);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const wide = [
    'rootInode',
    'bytesUsed',
    'idTable',
    'xattrTable',
    'inodeTable',
    'directoryTable',
    'fragmentTable',
    'exportTable',
  ];
  const narrow = ['compressor', 'blockLog', 'flags', 'idCount', 'versionMajor', 'versionMinor'];
  const sb = Object.fromEntries(
    Object.entries(SUPERBLOCK).map(([name, at]) => [
      name,
      wide.includes(name) ? u64(at) : narrow.includes(name) ? u16(at) : u32(at),
    ]),
  ) as ReadImage['super'];
  const decoder = createDecoder(compressorName(sb.compressor), 1);
  const inflate = async (stored: Uint8Array): Promise<Buffer> =>
    Buffer.from(await decoder.decode(stored, Math.max(METADATA_SIZE, sb.blockSize)));
  check(sb.magic === 0x73717368 && sb.versionMajor === 4 && sb.versionMinor === 0, 'magic and version');
  check(2 ** sb.blockLog === sb.blockSize, 'block log');
  check(
    file.length % 4096 === 0 && file.length - sb.bytesUsed < 4096 && file.length >= sb.bytesUsed,
    'padding',
  );
  check(
    file.subarray(sb.bytesUsed).every((byte) => byte === 0),
    'padding is zero',
  );

  const blocks = new Map<number, { data: Buffer; next: number }>();
  const metadata = async (at: number): Promise<{ data: Buffer; next: number }> => {
    const known = blocks.get(at);
    if (known !== undefined) return known;
    const size = u16(at) & 0x7fff;
    const stored = file.subarray(at + 2, at + 2 + size);
    const data = (u16(at) & 0x8000) !== 0 ? stored : await inflate(stored);
    check(data.length <= METADATA_SIZE && size <= METADATA_SIZE, 'metadata size');
    const block = { data, next: at + 2 + size };
    blocks.set(at, block);
    return block;
  };
  /** Reads `length` bytes of metadata; also tells where the next byte is. */
  const bytesAt = async (table: number, ref: number, length: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let at = table + Math.floor(ref / 65536);
    let offset = ref % 65536;
    for (let left = length; left > 0; ) {
      const block = await metadata(at);
      const part = block.data.subarray(offset, offset + left);
      check(part.length === left || block.data.length === METADATA_SIZE, 'metadata blocks are full');
      parts.push(part);
      left -= part.length;
      offset = 0;
      at = block.next;
    }
    return Buffer.concat(parts);
  };
  const lookup = async (
    list: number,
    count: number,
    size: number,
    end: number,
  ): Promise<{ data: Buffer; first: number }> => {
    const number = Math.ceil((count * size) / METADATA_SIZE);
    check(list + 8 * number === end, 'a lookup table ends where the next table begins');
    const parts: Buffer[] = [];
    for (let i = 0; i < number; i++) parts.push((await metadata(u64(list + 8 * i))).data);
    const data = Buffer.concat(parts);
    check(data.length === count * size, 'lookup table size');
    return { data, first: u64(list) };
  };

  let next = sb.bytesUsed;
  const attributes: Record<string, string>[] = [];
  if (sb.xattrTable !== NONE) {
    const start = u64(sb.xattrTable);
    const count = u32(sb.xattrTable + 8);
    const { data } = await lookup(sb.xattrTable + 16, count, 16, next);
    for (let i = 0; i < count; i++) {
      const bytes = await bytesAt(
        start,
        Number(data.readBigUInt64LE(16 * i)),
        data.readUInt32LE(16 * i + 12),
      );
      const set: Record<string, string> = {};
      let at = 0;
      for (let n = data.readUInt32LE(16 * i + 8); n > 0; n--) {
        const nameEnd = at + 4 + bytes.readUInt16LE(at + 2);
        const valueEnd = nameEnd + 4 + bytes.readUInt32LE(nameEnd);
        const name = XATTR_PREFIXES[bytes.readUInt16LE(at) as 0] + bytes.toString('latin1', at + 4, nameEnd);
        set[name] = bytes.toString('latin1', nameEnd + 4, valueEnd);
        at = valueEnd;
      }
      check(at === bytes.length, 'xattr set size');
      attributes.push(set);
    }
    next = start;
  }
  const ids = await lookup(sb.idTable, sb.idCount, 4, next);
  next = ids.first;
  let exports: number[] | undefined;
  if (sb.exportTable !== NONE) {
    const { data, first } = await lookup(sb.exportTable, sb.inodeCount, 8, next);
    exports = Array.from({ length: sb.inodeCount }, (_, i) => Number(data.readBigUInt64LE(8 * i)));
    next = first;
  }
  const fragments: { start: number; word: number }[] = [];
  if (sb.fragmentTable !== NONE) {
    const { data } = await lookup(sb.fragmentTable, sb.fragmentCount, 16, next);
    for (let i = 0; i < sb.fragmentCount; i++) {
      fragments.push({ start: Number(data.readBigUInt64LE(16 * i)), word: data.readUInt32LE(16 * i + 8) });
    }
  }
  check(fragments.length === sb.fragmentCount, 'fragment count');

  const dataBlock = async (start: number, word: number): Promise<Buffer> => {
    const stored = file.subarray(start, start + (word & 0xffffff));
    return (word & 0x1000000) !== 0 ? stored : inflate(stored);
  };
  const fragmentBlocks = new Map<number, Buffer>();
  const readContent = async (inode: ReadInode, offset: number): Promise<Buffer> => {
    const size = inode.size as number;
    const parts: Buffer[] = [];
    let at = inode.start as number;
    for (const [i, word] of (inode.words as number[]).entries()) {
      const length = Math.min(sb.blockSize, size - i * sb.blockSize);
      const part = word === 0 ? Buffer.alloc(length) : await dataBlock(at, word);
      check(part.length === length, 'data block size');
      parts.push(part);
      at += word & 0xffffff;
    }
    if (inode.fragment !== NO_FRAGMENT) {
      const number = inode.fragment as number;
      const { start, word } = fragments[number] as { start: number; word: number };
      const block = fragmentBlocks.get(number) ?? (await dataBlock(start, word));
      fragmentBlocks.set(number, block);
      parts.push(block.subarray(offset, offset + (size % sb.blockSize)));
    }
    const content = Buffer.concat(parts);
    check(content.length === size, 'content size');
    return content;
  };

  const byRef = new Map<number, ReadInode>();
  const inodes = new Map<number, ReadInode>();
  const readInode = async (
    ref: number,
  ): Promise<{ inode: ReadInode; listing?: { size: number; ref: number } }> => {
    const known = byRef.get(ref);
    if (known !== undefined) return { inode: known };
    const h = await bytesAt(sb.inodeTable, ref, 16);
    const full = h.readUInt16LE(0);
    const extended = full > EXTENDED;
    const type = extended ? full - EXTENDED : full;
    const inode: ReadInode = {
      type,
      extended,
      mode: h.readUInt16LE(2),
      uid: ids.data.readUInt32LE(4 * h.readUInt16LE(4)),
      gid: ids.data.readUInt32LE(4 * h.readUInt16LE(6)),
      mtime: h.readUInt32LE(8),
      number: h.readUInt32LE(12),
      nlink: 1,
      xattrs: {},
    };
    byRef.set(ref, inode);
    check(!inodes.has(inode.number) && inode.number >= 1 && inode.number <= sb.inodeCount, 'inode number');
    inodes.set(inode.number, inode);
    if (exports !== undefined) check(exports[inode.number - 1] === ref, 'export table');
    const body = async (length: number): Promise<Buffer> =>
      (await bytesAt(sb.inodeTable, ref, 16 + length)).subarray(16);
    const setXattrs = (index: number): void => {
      if (index !== NO_XATTR) inode.xattrs = attributes[index] as Record<string, string>;
    };
    if (type === 1) {
      const b = await body(extended ? 24 : 16);
      inode.nlink = b.readUInt32LE(extended ? 0 : 4);
      const size = extended ? b.readUInt32LE(4) : b.readUInt16LE(8);
      const block = b.readUInt32LE(extended ? 8 : 0);
      inode.parent = b.readUInt32LE(12);
      const offset = b.readUInt16LE(extended ? 18 : 10);
      inode.index = [];
      if (extended) {
        setXattrs(b.readUInt32LE(20));
        let at = 24;
        for (let i = b.readUInt16LE(16); i > 0; i--) {
          const length = (await body(at + 12)).readUInt32LE(at + 8) + 1;
          const entry = (await body(at + 12 + length)).subarray(at);
          inode.index.push({
            offset: entry.readUInt32LE(0),
            blockPosition: entry.readUInt32LE(4),
            name: entry.toString('latin1', 12),
          });
          at += 12 + length;
        }
      }
      return { inode, listing: { size: size - 3, ref: block * 65536 + offset } };
    }
    if (type === 2) {
      const b = await body(extended ? 40 : 16);
      inode.start = extended ? Number(b.readBigUInt64LE(0)) : b.readUInt32LE(0);
      inode.size = extended ? Number(b.readBigUInt64LE(8)) : b.readUInt32LE(12);
      inode.sparse = extended ? Number(b.readBigUInt64LE(16)) : 0;
      if (extended) inode.nlink = b.readUInt32LE(24);
      inode.fragment = b.readUInt32LE(extended ? 28 : 4);
      const offset = b.readUInt32LE(extended ? 32 : 8);
      if (extended) setXattrs(b.readUInt32LE(36));
      const count =
        inode.fragment === NO_FRAGMENT
          ? Math.ceil(inode.size / sb.blockSize)
          : Math.floor(inode.size / sb.blockSize);
      const words = (await body((extended ? 40 : 16) + 4 * count)).subarray(extended ? 40 : 16);
      inode.words = Array.from({ length: count }, (_, i) => words.readUInt32LE(4 * i));
      if (options.contents !== false) inode.content = await readContent(inode, offset);
      return { inode };
    }
    const b = await body(8);
    inode.nlink = b.readUInt32LE(0);
    let length = 4;
    if (type === 3) {
      length = 8 + b.readUInt32LE(4);
      inode.target = (await body(length)).toString('latin1', 8);
    } else if (type === 4 || type === 5) {
      length = 8;
      inode.device = b.readUInt32LE(4);
    }
    if (extended) setXattrs((await body(length + 4)).readUInt32LE(length));
    return { inode };
  };

  const { inode: root, listing } = await readInode(sb.rootInode);
  const pending = [{ directory: root, listing: listing as { size: number; ref: number } }];
  for (let top = pending.pop(); top !== undefined; top = pending.pop()) {
    const children = new Map<string, ReadInode>();
    top.directory.children = children;
    const bytes = await bytesAt(sb.directoryTable, top.listing.ref, top.listing.size);
    const headers = new Map<number, string>();
    let last = '';
    for (let at = 0; at < bytes.length; ) {
      const count = bytes.readUInt32LE(at) + 1;
      const block = bytes.readUInt32LE(at + 4);
      const base = bytes.readUInt32LE(at + 8);
      check(count <= 256, 'run length');
      const header = at;
      at += 12;
      for (let i = 0; i < count; i++) {
        const name = bytes.toString('latin1', at + 8, at + 9 + bytes.readUInt16LE(at + 6));
        check(last === '' || last < name, 'names are sorted');
        last = name;
        if (i === 0) headers.set(header, name);
        const child = await readInode(block * 65536 + bytes.readUInt16LE(at));
        check(child.inode.number === base + bytes.readInt16LE(at + 2), 'inode number of an entry');
        check(child.inode.type === bytes.readUInt16LE(at + 4), 'type of an entry');
        children.set(name, child.inode);
        if (child.listing !== undefined) {
          check(child.inode.parent === top.directory.number, 'parent number');
          pending.push({ directory: child.inode, listing: child.listing });
        }
        at += 9 + bytes.readUInt16LE(at + 6);
      }
    }
    const positions: number[] = [];
    for (
      let at = sb.directoryTable + Math.floor(top.listing.ref / 65536),
        left = bytes.length + (top.listing.ref % 65536);
      left > 0;
      left -= METADATA_SIZE
    ) {
      positions.push(at - sb.directoryTable);
      at = (await metadata(at)).next;
    }
    for (const entry of top.directory.index ?? []) {
      check(headers.get(entry.offset) === entry.name, 'an index entry leads to a header');
      const block = Math.floor((entry.offset + (top.listing.ref % 65536)) / METADATA_SIZE);
      check(positions[block] === entry.blockPosition, 'an index entry names the block');
    }
  }
  check(inodes.size === sb.inodeCount, 'inode count');
  return {
    root,
    super: sb,
    exports,
    inodes,
    fragmentSizes: fragments.map(({ word }) => word),
    fileSize: file.length,
  };
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`image: ${what}`);
}
