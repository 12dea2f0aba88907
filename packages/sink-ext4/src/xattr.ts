import {
  type ByteString,
  type DiagnosticHandler,
  displayPath,
  OcirenderError,
  type Xattrs,
} from '@ocirender/interface';
import { aclToDisk } from './acl.ts';
import {
  INODE_FIELDS,
  INODE_SIZE,
  MAX_NAME,
  XATTR_BLOCK_HEADER,
  XATTR_ENTRY,
  XATTR_INDEX,
  XATTR_MAGIC,
} from './format.ts';

/** Bytes for attributes in the inode, and those that its entries and values share: less the magic and the end mark. */
const INODE_ROOM = INODE_SIZE - INODE_FIELDS;
const END_MARK = 4;

interface Attribute {
  readonly index: number;
  /** Without the prefix that `index` stands for. */
  readonly name: ByteString;
  readonly value: Uint8Array;
}

/** An inode's attributes as they are stored. */
export interface EncodedXattrs {
  /** What follows the inode's fields. */
  readonly inInode?: Uint8Array;
  /** A block, its checksum still missing. */
  readonly block?: Buffer;
}

/**
 * Encodes an inode's attributes: in the inode what fits there, the rest in a block of their own
 * (`attributes.rst`).
 *
 * @param xattrs - by full name
 * @param path - for messages
 * @param blockSize - bytes
 * @param diagnose - hears of attributes that have no place in ext4
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_EXT4_XATTR_SIZE` when they do not fit
 */
export function encodeXattrs(
  xattrs: Xattrs,
  path: () => ByteString,
  blockSize: number,
  diagnose: DiagnosticHandler,
): EncodedXattrs {
  const inInode: Attribute[] = [];
  const inBlock: Attribute[] = [];
  let inodeRoom = INODE_ROOM - 4 - END_MARK;
  let blockRoom = blockSize - XATTR_BLOCK_HEADER - END_MARK;
  for (const attribute of stored(xattrs, path, diagnose)) {
    const size = sizeOf(attribute);
    if (size <= inodeRoom) {
      inInode.push(attribute);
      inodeRoom -= size;
    } else {
      inBlock.push(attribute);
      blockRoom -= size;
    }
  }
  if (blockRoom < 0) {
    throw new OcirenderError(
      'ERR_OCIRENDER_SINK_EXT4_XATTR_SIZE',
      `${displayPath(path())}: its extended attributes take ${-blockRoom} bytes more than ext4 has room for ` +
        `(a block of ${blockSize} bytes and ${INODE_ROOM} in the inode)`,
      { hint: 'Choose a larger block size, or drop attributes.' },
    );
  }
  return {
    ...(inInode.length === 0 ? {} : { inInode: encodeInInode(inInode) }),
    ...(inBlock.length === 0 ? {} : { block: encodeBlock(inBlock, blockSize) }),
  };
}

/** What ext4 can hold, in the order that a block wants: by index, then length, then bytes of the name. */
function stored(xattrs: Xattrs, path: () => ByteString, diagnose: DiagnosticHandler): Attribute[] {
  const attributes: Attribute[] = [];
  for (const [name, value] of xattrs) {
    const attribute = attributeOf(name, value);
    if (attribute !== undefined) {
      attributes.push(attribute);
      continue;
    }
    const message = `${displayPath(path())}: ext4 cannot hold the attribute ${displayPath(name)}`;
    diagnose({ code: 'xattr-dropped', message, path: path() });
  }
  return attributes.sort(
    (a, b) => a.index - b.index || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
  );
}

function attributeOf(fullName: ByteString, value: Uint8Array): Attribute | undefined {
  if (fullName === 'system.posix_acl_access' || fullName === 'system.posix_acl_default') {
    const acl = aclToDisk(value);
    const index = fullName.endsWith('access') ? XATTR_INDEX.aclAccess : XATTR_INDEX.aclDefault;
    return acl === undefined ? undefined : { index, name: '', value: acl };
  }
  const dot = fullName.indexOf('.');
  const name = fullName.slice(dot + 1);
  const index = { user: XATTR_INDEX.user, trusted: XATTR_INDEX.trusted, security: XATTR_INDEX.security }[
    fullName.slice(0, Math.max(dot, 0))
  ];
  if (index === undefined || name.length === 0 || name.length > MAX_NAME || name.includes('\0'))
    return undefined;
  return { index, name, value };
}

function sizeOf({ name, value }: Attribute): number {
  return XATTR_ENTRY + round4(name.length) + round4(value.length);
}

function encodeInInode(attributes: readonly Attribute[]): Uint8Array {
  const bytes = Buffer.alloc(INODE_ROOM);
  bytes.writeUInt32LE(XATTR_MAGIC, 0);
  // Offsets of values count from the first entry; hashes are for blocks.
  writeEntries(bytes, 4, 4, attributes, () => 0);
  return bytes;
}

function encodeBlock(attributes: readonly Attribute[], blockSize: number): Buffer {
  const bytes = Buffer.alloc(blockSize);
  bytes.writeUInt32LE(XATTR_MAGIC, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(1, 8);
  let hash = 0;
  writeEntries(bytes, XATTR_BLOCK_HEADER, 0, attributes, (attribute) => {
    const own = hashOf(attribute);
    hash = (((hash << 16) | (hash >>> 16)) ^ own) >>> 0;
    return own;
  });
  bytes.writeUInt32LE(hash, 12);
  return bytes;
}

/** Entries grow from the start, their values from the end; four zero bytes end the entries. */
function writeEntries(
  bytes: Buffer,
  start: number,
  base: number,
  attributes: readonly Attribute[],
  hash: (attribute: Attribute) => number,
): void {
  let at = start;
  let valueAt = bytes.length;
  for (const attribute of attributes) {
    const { index, name, value } = attribute;
    valueAt -= round4(value.length);
    bytes[at] = name.length;
    bytes[at + 1] = index;
    bytes.writeUInt16LE(value.length === 0 ? 0 : valueAt - base, at + 2);
    bytes.writeUInt32LE(value.length, at + 8);
    bytes.writeUInt32LE(hash(attribute), at + 12);
    bytes.write(name, at + XATTR_ENTRY, 'latin1');
    bytes.set(value, valueAt);
    at += XATTR_ENTRY + round4(name.length);
  }
}

/** The hash of an entry: over its name, bytes signed as x86 has them, and over its value in words. */
function hashOf({ name, value }: Attribute): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) {
    hash = (hash << 5) ^ (hash >>> 27) ^ ((name.charCodeAt(i) << 24) >> 24);
  }
  const words = new DataView(new ArrayBuffer(round4(value.length)));
  new Uint8Array(words.buffer).set(value);
  for (let at = 0; at < words.byteLength; at += 4) {
    hash = (hash << 16) ^ (hash >>> 16) ^ words.getUint32(at, true);
  }
  return hash >>> 0;
}

function round4(length: number): number {
  return (length + 3) & ~3;
}
