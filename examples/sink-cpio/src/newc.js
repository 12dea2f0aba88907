// The newc format, as bytes. No input or output happens here.
//
// cpio(5), "New ASCII Format"; Linux: Documentation/driver-api/early-userspace/buffer-format.rst

/** @import { ByteString, Inode } from '@ocirender/interface' */
import { displayPath, OcirenderError } from '@ocirender/interface';

const MAGIC = '070701';
/** Bytes of a header without its name: the magic and 13 numbers of 8 hexadecimal digits. */
const HEADER_BYTES = 6 + 13 * 8;
/** The largest number that a header can hold: also the size of the largest file. */
export const MAX_NUMBER = 0xffff_ffff;
/** Name of the member that ends an archive. */
const END_NAME = 'TRAILER!!!';
/** Archives end at a multiple of this, as GNU cpio's do. */
const BLOCK_BYTES = 512;

/**
 * File types as the upper bits of a mode (inode(7)).
 *
 * @type {Readonly<Record<Inode['type'], number>>}
 */
export const TYPE_BITS = {
  socket: 0o140000,
  symlink: 0o120000,
  file: 0o100000,
  'block-device': 0o060000,
  directory: 0o040000,
  'character-device': 0o020000,
  fifo: 0o010000,
};

/**
 * @typedef {object} Member
 * @property {ByteString} path from the root, without a leading slash; empty for the root
 * @property {number} inode the same for all names of one inode
 * @property {number} mode with the type
 * @property {number} uid
 * @property {number} gid
 * @property {number} links names of the inode
 * @property {number} mtime seconds since the epoch
 * @property {number} size bytes that follow
 * @property {number} [devMajor]
 * @property {number} [devMinor]
 */

/**
 * Encodes the header of a member with its name.
 *
 * @param {Member} member
 * @returns {Buffer} a multiple of 4 bytes
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_CPIO_LIMIT` when a number has more than 32 bits
 */
export function encodeHeader(member) {
  const { inode, mode, uid, gid, links, mtime, size, devMajor = 0, devMinor = 0 } = member;
  // The two zeros are the device that the file was on: inode numbers are unique without it.
  const numbers = [inode, mode, uid, gid, links, mtime, size, 0, 0, devMajor, devMinor];
  return encode(memberName(member.path), member.path, numbers);
}

/**
 * Encodes the end of an archive.
 *
 * @param {number} offset bytes before it
 * @returns {Buffer}
 */
export function encodeEnd(offset) {
  const end = encode(END_NAME, END_NAME, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const length = offset + end.length;
  return Buffer.concat([end, Buffer.alloc((BLOCK_BYTES - (length % BLOCK_BYTES)) % BLOCK_BYTES)]);
}

/**
 * Gives the zero bytes between contents and the next header.
 *
 * @param {number} size bytes of contents
 * @returns {number} 0 to 3
 */
export function paddingOf(size) {
  return (4 - (size % 4)) % 4;
}

/** @param {ByteString} path */
function memberName(path) {
  if (path === '') return '.';
  // A file of this name in the root would end the archive.
  return path === END_NAME ? `./${path}` : path;
}

/**
 * @param {ByteString} name
 * @param {ByteString} path for messages
 * @param {readonly number[]} numbers all but the last two
 */
function encode(name, path, numbers) {
  const nameBytes = name.length + 1;
  // The checksum at the end is 0 in this variant of the format.
  const digits = [...numbers, nameBytes, 0].map((number) => hexadecimal(number, path));
  // A byte string has one character for each byte; the buffer ends with the name's NUL and the padding.
  const header = Buffer.alloc(HEADER_BYTES + nameBytes + paddingOf(HEADER_BYTES + nameBytes));
  header.write(MAGIC + digits.join('') + name, 'latin1');
  return header;
}

/**
 * @param {number} number
 * @param {ByteString} path
 */
function hexadecimal(number, path) {
  if (number >= 0 && number <= MAX_NUMBER) return number.toString(16).padStart(8, '0');
  throw new OcirenderError(
    'ERR_OCIRENDER_SINK_CPIO_LIMIT',
    `${displayPath(path)}: ${number} does not fit into a cpio archive, whose numbers have 32 bits`,
    { hint: 'Files of 4 GiB and more need another format: try --sink squashfs.' },
  );
}
