/**
 * The on-disk format of EROFS: offsets, sizes and flags.
 *
 * See `fs/erofs/erofs_fs.h` and `Documentation/filesystems/erofs.rst` of Linux. All numbers are little endian.
 */

/** Where the superblock is, in bytes. */
export const SUPERBLOCK_OFFSET = 1024;
/** Its size in bytes, without extension slots. */
export const SUPERBLOCK_SIZE = 128;
export const SUPERBLOCK_MAGIC = 0xe0f5_e1e2;

/** Offsets of the superblock's fields. */
export const SUPERBLOCK = {
  magic: 0,
  checksum: 4,
  featureCompat: 8,
  blockSizeBits: 12,
  extensionSlots: 13,
  rootNid: 14,
  inodeCount: 16,
  buildTime: 24,
  buildTimeNs: 32,
  blocks: 36,
  metaBlock: 40,
  xattrBlock: 44,
  uuid: 48,
  volumeName: 64,
  featureIncompat: 80,
  compressionAlgorithms: 84,
  extraDevices: 86,
  deviceTableSlot: 88,
  directoryBlockBits: 90,
  xattrPrefixCount: 91,
  xattrPrefixStart: 92,
  packedNid: 96,
} as const;

/** Features that a reader may ignore. */
export const COMPAT = { checksum: 1, mtime: 2 } as const;

/** Features that a reader must know. */
export const INCOMPAT = {
  zeroPadding: 0x1,
  compressionConfigs: 0x2,
  chunkedFile: 0x4,
  deviceTable: 0x8,
  tailPacking: 0x10,
  fragments: 0x20,
  xattrPrefixes: 0x40,
} as const;

/** Inodes are at multiples of this many bytes; an inode's number (nid) counts them from the metadata block. */
export const SLOT_SIZE = 32;
export const COMPACT_INODE_SIZE = 32;
export const EXTENDED_INODE_SIZE = 64;

/** Offsets of the fields of both forms of an inode, and of those that differ. */
export const INODE = {
  format: 0,
  xattrCount: 2,
  mode: 4,
  compact: { links: 6, size: 8, union: 16, ino: 20, uid: 24, gid: 26 },
  extended: { size: 8, union: 16, ino: 20, uid: 24, gid: 28, mtime: 32, mtimeNs: 40, links: 44 },
} as const;

/** How an inode's data is laid out: bits 1 to 3 of its format field. */
export const LAYOUT = {
  plain: 0,
  compressedFull: 1,
  inline: 2,
  compressedCompact: 3,
  chunks: 4,
} as const;

/** A chunk that is a hole. */
export const NULL_ADDRESS = 0xffff_ffff;
/** In a chunk inode's format: entries of 8 bytes instead of 4. */
export const CHUNK_INDEXES = 0x20;
export const CHUNK_BITS_MASK = 0x1f;

/** Kinds of directory entries (`FT_*` of Linux), and the type bits of modes. */
export const FILE_KIND = {
  file: { entry: 1, mode: 0o100000 },
  directory: { entry: 2, mode: 0o040000 },
  'character-device': { entry: 3, mode: 0o020000 },
  'block-device': { entry: 4, mode: 0o060000 },
  fifo: { entry: 5, mode: 0o010000 },
  socket: { entry: 6, mode: 0o140000 },
  symlink: { entry: 7, mode: 0o120000 },
} as const;

/** Size of a directory entry without its name. */
export const DIRENT_SIZE = 12;
export const DIRENT = { nid: 0, nameOffset: 8, kind: 10 } as const;
export const MAX_NAME_LENGTH = 255;
/** Linux reads at most PATH_MAX - 1 bytes. */
export const MAX_SYMLINK_TARGET = 4095;

/** Size of the header before an inode's own attributes. */
export const XATTR_HEADER_SIZE = 12;
export const XATTR_HEADER = { nameFilter: 0, sharedCount: 4 } as const;
/** Size of an attribute without name and value. */
export const XATTR_ENTRY_SIZE = 4;
export const MAX_SHARED_XATTRS = 255;
export const MAX_XATTR_NAME = 255;
export const MAX_XATTR_VALUE = 65_535;
/** Most 4-byte units that the 16-bit count of an inode can tell, the header counted as one. */
export const MAX_XATTR_COUNT = 65_535;

/** Beginnings of attribute names, and the numbers that stand for them. ACLs have no name besides. */
export const XATTR_PREFIXES: readonly (readonly [prefix: string, index: number])[] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

/** Block addresses are 32-bit numbers, the last of which means a hole. */
export const MAX_BLOCKS = 0xffff_ffff;
export const MIN_BLOCK_SIZE = 512;
export const MAX_BLOCK_SIZE = 65_536;
/** Linux mounts blocks up to its page size only: what is larger than the smallest page cannot be tried everywhere. */
export const MAX_WRITTEN_BLOCK_SIZE = 4096;
/** Chunks are no larger than this here; the format could say more. */
export const MAX_CHUNK_SIZE: number = 2 ** 30;

/** Device numbers as Linux encodes them in 32 bits. */
export const MAX_DEVICE_MAJOR = 0xfff;
export const MAX_DEVICE_MINOR = 0xf_ffff;

/** Header before the index of a compressed file (`z_erofs_map_header`), and the gap behind it. */
export const MAP_HEADER_SIZE = 8;
export const MAP_HEADER = { advise: 4, algorithms: 6, clusterBits: 7 } as const;
export const FULL_INDEX_GAP = 8;

/** Flags of a compressed file. */
export const ADVISE = {
  compacted2: 0x1,
  bigCluster1: 0x2,
  bigCluster2: 0x4,
  inlineCluster: 0x8,
  interlaced: 0x10,
  fragment: 0x20,
} as const;

/** An entry of a full index (`z_erofs_lcluster_index`), for each 4096 bytes of a file. */
export const CLUSTER_ENTRY_SIZE = 8;
export const CLUSTER_ENTRY = { advise: 0, offset: 2, address: 4, delta0: 4, delta1: 6 } as const;
/** What an entry says: here begins data as it is, here begins compressed data, here goes on what began before. */
export const CLUSTER_TYPE = { plain: 0, head: 1, nonHead: 2, head2: 3 } as const;
/** In the first entry that goes on: the number of blocks instead of the distance. */
export const CLUSTER_BLOCKS = 0x800;
