/** ext4 on disk: offsets, sizes and flags (kernel `Documentation/filesystems/ext4/`). Little endian throughout. */

/** Position of the primary superblock in bytes, and its size. */
export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_SIZE = 1024;
export const SUPERBLOCK_MAGIC = 0xef53;

/** Offsets of the superblock's fields (`struct ext4_super_block`). */
export const SB = {
  inodesCount: 0x0,
  blocksCount: 0x4,
  reservedBlocks: 0x8,
  freeBlocks: 0xc,
  freeInodes: 0x10,
  firstDataBlock: 0x14,
  logBlockSize: 0x18,
  logClusterSize: 0x1c,
  blocksPerGroup: 0x20,
  clustersPerGroup: 0x24,
  inodesPerGroup: 0x28,
  writeTime: 0x30,
  maxMountCount: 0x36,
  magic: 0x38,
  state: 0x3a,
  errors: 0x3c,
  lastCheck: 0x40,
  revision: 0x4c,
  firstInode: 0x54,
  inodeSize: 0x58,
  groupNumber: 0x5a,
  compat: 0x5c,
  incompat: 0x60,
  roCompat: 0x64,
  uuid: 0x68,
  label: 0x78,
  reservedGdtBlocks: 0xce,
  journalInode: 0xe0,
  hashSeed: 0xec,
  hashVersion: 0xfc,
  journalBackupType: 0xfd,
  descriptorSize: 0xfe,
  defaultMountOptions: 0x100,
  firstMetaGroup: 0x104,
  makeTime: 0x108,
  journalBackup: 0x10c,
  blocksCountHigh: 0x150,
  reservedBlocksHigh: 0x154,
  freeBlocksHigh: 0x158,
  minExtraSize: 0x15c,
  wantExtraSize: 0x15e,
  flags: 0x160,
  logGroupsPerFlex: 0x174,
  checksumType: 0x175,
  writeTimeHigh: 0x274,
  makeTimeHigh: 0x276,
  lastCheckHigh: 0x277,
  checksumSeed: 0x270,
  checksum: 0x3fc,
} as const;

/** Features that older code may ignore. */
export const COMPAT = { hasJournal: 0x4, extAttr: 0x8, resizeInode: 0x10, dirIndex: 0x20 } as const;

/** Features without which the filesystem must not be mounted. */
export const INCOMPAT = {
  compression: 0x1,
  filetype: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaGroups: 0x10,
  extents: 0x40,
  bits64: 0x80,
  mmp: 0x100,
  flexGroups: 0x200,
  eaInode: 0x400,
  directoryData: 0x1000,
  checksumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x1_0000,
  casefold: 0x2_0000,
} as const;

/** Features without which it may be mounted for reading only. */
export const RO_COMPAT = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  groupChecksum: 0x10,
  dirNlink: 0x20,
  extraSize: 0x40,
  bigalloc: 0x200,
  metadataChecksum: 0x400,
} as const;

/** Offsets of a group descriptor's fields (`struct ext4_group_desc`); halves that have a high part say where. */
export const GD = {
  blockBitmap: 0x0,
  inodeBitmap: 0x4,
  inodeTable: 0x8,
  freeBlocks: 0xc,
  freeInodes: 0xe,
  usedDirectories: 0x10,
  flags: 0x12,
  blockBitmapChecksum: 0x18,
  inodeBitmapChecksum: 0x1a,
  unusedInodes: 0x1c,
  checksum: 0x1e,
  /** What the high halves of the first three fields are away from the low ones. */
  high32: 0x20,
  freeBlocksHigh: 0x2c,
  freeInodesHigh: 0x2e,
  usedDirectoriesHigh: 0x30,
  unusedInodesHigh: 0x32,
  blockBitmapChecksumHigh: 0x38,
  inodeBitmapChecksumHigh: 0x3a,
} as const;

/** Size of a group descriptor with the feature `64bit`, in bytes. */
export const DESCRIPTOR_SIZE = 64;

/** Flags of a group descriptor. */
export const GROUP_FLAG = { inodesUnused: 0x1, blocksUnused: 0x2, tableZeroed: 0x4 } as const;

/** Size of an inode that we write, in bytes, and how much of it is fields. */
export const INODE_SIZE = 256;
export const INODE_FIELDS = 160;
/** Size of an inode of revision 0, to which larger ones only add. */
export const OLD_INODE_SIZE = 128;
/** `i_extra_isize`: bytes of the fields beyond the first 128. */
export const EXTRA_SIZE: number = INODE_FIELDS - OLD_INODE_SIZE;

/** Offsets of an inode's fields (`struct ext4_inode`). */
export const INODE = {
  mode: 0x0,
  uid: 0x2,
  size: 0x4,
  atime: 0x8,
  ctime: 0xc,
  mtime: 0x10,
  gid: 0x18,
  links: 0x1a,
  blocks: 0x1c,
  flags: 0x20,
  version: 0x24,
  block: 0x28,
  generation: 0x64,
  acl: 0x68,
  sizeHigh: 0x6c,
  blocksHigh: 0x74,
  aclHigh: 0x76,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  checksum: 0x7c,
  extraSize: 0x80,
  checksumHigh: 0x82,
  ctimeExtra: 0x84,
  mtimeExtra: 0x88,
  atimeExtra: 0x8c,
  crtime: 0x90,
  crtimeExtra: 0x94,
} as const;

/** Bytes of `i_block`: an extent tree's root, block numbers, or a short symbolic link. */
export const INODE_BLOCK_SIZE = 60;

/** Flags of an inode. */
export const INODE_FLAG = {
  index: 0x1000,
  hugeFile: 0x4_0000,
  extents: 0x8_0000,
  eaInode: 0x20_0000,
  inlineData: 0x1000_0000,
} as const;

/** Inodes with fixed numbers. */
export const ROOT_INODE = 2;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
/** The first inode that is nobody's; `lost+found` by custom. */
export const FIRST_INODE = 11;

/** File types in the mode. */
export const MODE = {
  fifo: 0x1000,
  'character-device': 0x2000,
  directory: 0x4000,
  'block-device': 0x6000,
  file: 0x8000,
  symlink: 0xa000,
  socket: 0xc000,
} as const;

/** File types in directory entries. */
export const ENTRY_TYPE = {
  file: 1,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

/** Names are at most this many bytes. */
export const MAX_NAME = 255;
/** The most links of one inode; a directory with more subdirectories has a count of 1 (`dir_nlink`). */
export const MAX_LINKS = 65_000;
/** Device numbers that Linux can hold. */
export const MAX_DEVICE_MAJOR = 0xfff;
export const MAX_DEVICE_MINOR = 0xf_ffff;
/** Times in seconds since the epoch: 34 bits, the lowest as negative as 32 bits go. */
export const MIN_TIME: number = -(2 ** 31);
export const MAX_TIME: number = 2 ** 34 - 2 ** 31 - 1;

/** Extent trees. */
export const EXTENT_MAGIC = 0xf30a;
export const EXTENT_SIZE = 12;
export const EXTENTS_IN_INODE = 4;
/** Blocks of one extent; beyond, the length says that it is not initialised. */
export const MAX_EXTENT_BLOCKS = 32_768;
/** Logical block numbers have 32 bits. */
export const MAX_FILE_BLOCKS = 0xffff_ffff;

/** Directory blocks end in an entry of this size and type that holds the checksum. */
export const DIRECTORY_TAIL = 12;
export const DIRECTORY_TAIL_TYPE = 0xde;
/** A hash tree's blocks end in its checksum. */
export const HASH_TAIL = 8;
export const HASH_HALF_MD4 = 1;
/** `s_flags`: names are hashed as unsigned bytes. */
export const FLAG_UNSIGNED_HASH = 0x2;

/** Extended attributes: magic of a block and of the part in an inode. */
export const XATTR_MAGIC = 0xea02_0000;
export const XATTR_BLOCK_HEADER = 32;
export const XATTR_ENTRY = 16;

/** Prefixes of attribute names by number; ACLs are their own. */
export const XATTR_INDEX = {
  user: 1,
  aclAccess: 2,
  aclDefault: 3,
  trusted: 4,
  security: 6,
  system: 7,
} as const;

/** Journal (jbd2, big endian): magic, type of a version 2 superblock, the fewest blocks. */
export const JOURNAL_MAGIC = 0xc03b_3998;
export const JOURNAL_SUPERBLOCK = 4;
export const MIN_JOURNAL_BLOCKS = 1024;

/** `lg(groups)` whose tables the allocator treats as one. */
export const LOG_GROUPS_PER_FLEX = 4;
