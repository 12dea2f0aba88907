/**
 * Offsets, sizes and flags of squashfs 4.0. All fields are little endian.
 *
 * @see https://github.com/AgentD/squashfs-tools-ng/blob/master/doc/format.adoc
 * @see https://docs.kernel.org/filesystems/squashfs.html
 */

/** First four bytes of an image: `hsqs`. */
export const SUPERBLOCK_MAGIC = 0x73717368;

/** Size of the superblock in bytes; data or compressor options follow at once. */
export const SUPERBLOCK_SIZE = 96;

/** Byte offsets of the superblock's fields. */
export const SUPERBLOCK = {
  magic: 0,
  inodeCount: 4,
  modificationTime: 8,
  blockSize: 12,
  fragmentCount: 16,
  compressor: 20,
  blockLog: 22,
  flags: 24,
  idCount: 26,
  versionMajor: 28,
  versionMinor: 30,
  rootInode: 32,
  bytesUsed: 40,
  idTable: 48,
  xattrTable: 56,
  inodeTable: 64,
  directoryTable: 72,
  fragmentTable: 80,
  exportTable: 88,
} as const;

/** Superblock flags. */
export const FLAG = {
  inodesUncompressed: 0x0001,
  dataUncompressed: 0x0002,
  fragmentsUncompressed: 0x0008,
  noFragments: 0x0010,
  alwaysFragments: 0x0020,
  deduplicated: 0x0040,
  exportable: 0x0080,
  xattrsUncompressed: 0x0100,
  noXattrs: 0x0200,
  compressorOptions: 0x0400,
  idsUncompressed: 0x0800,
} as const;

/** Compressor numbers of the superblock. */
export const COMPRESSOR = { gzip: 1, lzma: 2, lzo: 3, xz: 4, lz4: 5, zstd: 6 } as const;

/** Smallest data block in bytes. */
export const MIN_BLOCK_SIZE = 4096;

/** Largest data block in bytes. */
export const MAX_BLOCK_SIZE: number = 1024 * 1024;

/**
 * Most blocks of one file, holes included: 8 TiB at 128 KiB. Not of the format; each block has four bytes in the
 * inode, holes too, and an archive can claim holes of any size.
 */
export const MAX_FILE_BLOCKS: number = 2 ** 26;

/** A data or fragment block's size word: set when the block is stored raw. */
export const BLOCK_RAW: number = 1 << 24;

/** A data or fragment block's size word: mask of the stored size in bytes. */
export const BLOCK_SIZE_MASK: number = BLOCK_RAW - 1;

/** Uncompressed size of a metadata block in bytes. */
export const METADATA_SIZE = 8192;

/** A metadata block's header: set when the block is stored raw. */
export const METADATA_RAW = 0x8000;

/** Position of a table that an image does not have. */
export const NO_TABLE = 0xffff_ffff_ffff_ffffn;

/** Fragment index of a file without a fragment. */
export const NO_FRAGMENT = 0xffff_ffff;

/** Attribute index of an inode without attributes. */
export const NO_XATTR = 0xffff_ffff;

/** Basic inode types; the extended type is the basic one plus {@link EXTENDED}. */
export const INODE_TYPE = {
  directory: 1,
  file: 2,
  symlink: 3,
  'block-device': 4,
  'character-device': 5,
  fifo: 6,
  socket: 7,
} as const;

/** What turns a basic inode type into the extended one. */
export const EXTENDED = 7;

/** Size of the header that all inodes share, in bytes. */
export const INODE_HEADER_SIZE = 16;

/** Size of a directory run's header in bytes. */
export const DIRECTORY_HEADER_SIZE = 12;

/** Size of a directory entry without its name, in bytes. */
export const DIRECTORY_ENTRY_SIZE = 8;

/** Most entries below one directory header. */
export const MAX_RUN_ENTRIES = 256;

/** Bytes that a directory's stored size exceeds its listing by: `.` and `..` as the kernel counts them. */
export const LISTING_BIAS = 3;

/** Longest name in bytes. */
export const MAX_NAME_LENGTH = 256;

/** Longest symlink target that Linux reads, in bytes: one page. */
export const MAX_SYMLINK_TARGET = 4096;

/** Most distinct owner and group ids, counted together. */
export const MAX_IDS = 65_535;

/** Largest major device number (12 bits). */
export const MAX_DEVICE_MAJOR = 0xfff;

/** Largest minor device number (20 bits). */
export const MAX_DEVICE_MINOR = 0xfffff;

/** Attribute name prefixes; the position in the list is the number on disk. */
export const XATTR_PREFIXES = ['user.', 'trusted.', 'security.'] as const;

/** The image is padded to a multiple of this many bytes. */
export const PADDING = 4096;

/** Latest modification time: seconds since the epoch in 32 bits without a sign (7 February 2106). */
export const MAX_TIME = 0xffff_ffff;
