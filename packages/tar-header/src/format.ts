/**
 * The 512-byte tar header on disk.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html "ustar Interchange Format"
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html "Basic Tar Format"
 */

/** Everything in a tar archive is a multiple of this many bytes. */
export const BLOCK_SIZE = 512;

/** A field of the header block: its first byte and its length. */
export interface Field {
  readonly offset: number;
  readonly length: number;
}

export const NAME: Field = { offset: 0, length: 100 };
export const MODE: Field = { offset: 100, length: 8 };
export const UID: Field = { offset: 108, length: 8 };
export const GID: Field = { offset: 116, length: 8 };
export const SIZE: Field = { offset: 124, length: 12 };
export const MTIME: Field = { offset: 136, length: 12 };
export const CHECKSUM: Field = { offset: 148, length: 8 };
export const TYPEFLAG_OFFSET = 156;
export const LINKNAME: Field = { offset: 157, length: 100 };
/** Magic and version together: `ustar\0` + `00` (POSIX) or `ustar  \0` (GNU). */
export const MAGIC: Field = { offset: 257, length: 8 };
export const DEV_MAJOR: Field = { offset: 329, length: 8 };
export const DEV_MINOR: Field = { offset: 337, length: 8 };
/** POSIX only: what goes before the name, joined with a slash. */
export const PREFIX: Field = { offset: 345, length: 155 };

/** star: a shorter prefix, then times, then `tar\0` in the last four bytes. */
export const STAR_PREFIX: Field = { offset: 345, length: 131 };
export const STAR_TRAILER_OFFSET = 508;

/** GNU keeps two times where POSIX has the prefix. */
export const GNU_ATIME: Field = { offset: 345, length: 12 };
export const GNU_CTIME: Field = { offset: 357, length: 12 };
/** GNU sparse (type `S`): four extents, a flag for more, the apparent size. */
export const GNU_SPARSE_OFFSET = 386;
export const GNU_SPARSE_COUNT = 4;
export const GNU_SPARSE_EXTENDED_OFFSET = 482;
export const GNU_REAL_SIZE: Field = { offset: 483, length: 12 };
/** An extension block holds 21 extents and a flag for yet another block. */
export const GNU_EXTENSION_COUNT = 21;
export const GNU_EXTENSION_EXTENDED_OFFSET = 504;
/** Length of each of the two numbers of a sparse extent. */
export const GNU_SPARSE_NUMBER_LENGTH = 12;

/** Type flags, as character codes. */
export const TYPE_V7_FILE = 0x00;
export const TYPE_FILE = 0x30;
export const TYPE_HARDLINK = 0x31;
export const TYPE_SYMLINK = 0x32;
export const TYPE_CHARACTER_DEVICE = 0x33;
export const TYPE_BLOCK_DEVICE = 0x34;
export const TYPE_DIRECTORY = 0x35;
export const TYPE_FIFO = 0x36;
export const TYPE_CONTIGUOUS_FILE = 0x37;
export const TYPE_GNU_DUMPDIR = 0x44;
export const TYPE_GNU_LONG_LINK = 0x4b;
export const TYPE_GNU_LONG_NAME = 0x4c;
export const TYPE_GNU_SPARSE = 0x53;
export const TYPE_GNU_VOLUME_LABEL = 0x56;
export const TYPE_SOLARIS_PAX = 0x58;
export const TYPE_PAX_GLOBAL = 0x67;
export const TYPE_PAX = 0x78;

/** Ids have 32 bits on Linux; so have device numbers' halves at most. */
export const MAX_ID = 0xffff_ffff;
/** Permission bits with setuid, setgid and sticky. */
export const MODE_MASK = 0o7777;
