import { CRC_START, crc32c } from '@ocirender/image-file';
import {
  COMPAT,
  DESCRIPTOR_SIZE,
  EXTRA_SIZE,
  FIRST_INODE,
  FLAG_UNSIGNED_HASH,
  HASH_HALF_MD4,
  INCOMPAT,
  INODE_SIZE,
  JOURNAL_INODE,
  LOG_GROUPS_PER_FLEX,
  RO_COMPAT,
  SB,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
} from './format.ts';

const U32 = 0x1_0000_0000;
/** `s_default_mount_opts`: user attributes and ACLs, as mke2fs has it. */
const XATTR_AND_ACL = 0xc;
/** `s_state`: unmounted cleanly. `s_errors`: go on. `s_checksum_type`: CRC-32C. */
const CLEAN = 1;
const CONTINUE = 1;
const CRC32C = 1;
/** `s_max_mnt_count`: no check is due after so and so many mounts. */
const NEVER = 0xffff;

/** What the superblock says. */
export interface SuperblockFields {
  readonly blockSize: number;
  readonly firstBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groups: number;
  readonly blocks: number;
  readonly reservedBlocks: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** Blocks after the descriptors for more of them. */
  readonly reservedDescriptorBlocks: number;
  /** The first set of groups whose descriptors `meta_bg` places; undefined when all are after the superblock. */
  readonly firstMetaGroup: number | undefined;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint32Array;
  /** At most 16 bytes. */
  readonly label: Uint8Array;
  /** Seconds since the epoch. */
  readonly time: number;
  /** The journal inode's 60 bytes of `i_block` and its size in bytes; undefined without a journal. */
  readonly journal: { readonly block: Uint8Array; readonly size: number } | undefined;
}

/**
 * Encodes the superblock (`super.rst`).
 *
 * @param fields - what it says
 * @param group - the group that this copy is in
 * @returns 1024 bytes
 */
export function encodeSuperblock(fields: SuperblockFields, group: number): Buffer {
  const bytes = Buffer.alloc(SUPERBLOCK_SIZE);
  const u16 = (offset: number, value: number): number => bytes.writeUInt16LE(value, offset);
  const u32 = (offset: number, value: number): number => bytes.writeUInt32LE(value, offset);
  const u64 = (low: number, high: number, value: number): void => {
    u32(low, value % U32);
    u32(high, Math.floor(value / U32));
  };
  const time = (low: number, high: number): void => {
    u32(low, fields.time % U32);
    bytes[high] = Math.floor(fields.time / U32);
  };
  u32(SB.inodesCount, fields.groups * fields.inodesPerGroup);
  u64(SB.blocksCount, SB.blocksCountHigh, fields.blocks);
  u64(SB.reservedBlocks, SB.reservedBlocksHigh, fields.reservedBlocks);
  u64(SB.freeBlocks, SB.freeBlocksHigh, fields.freeBlocks);
  u32(SB.freeInodes, fields.freeInodes);
  u32(SB.firstDataBlock, fields.firstBlock);
  u32(SB.logBlockSize, Math.log2(fields.blockSize) - 10);
  u32(SB.logClusterSize, Math.log2(fields.blockSize) - 10);
  u32(SB.blocksPerGroup, fields.blocksPerGroup);
  u32(SB.clustersPerGroup, fields.blocksPerGroup);
  u32(SB.inodesPerGroup, fields.inodesPerGroup);
  time(SB.writeTime, SB.writeTimeHigh);
  time(SB.lastCheck, SB.lastCheckHigh);
  time(SB.makeTime, SB.makeTimeHigh);
  u16(SB.maxMountCount, NEVER);
  u16(SB.magic, SUPERBLOCK_MAGIC);
  u16(SB.state, CLEAN);
  u16(SB.errors, CONTINUE);
  u32(SB.revision, 1);
  u32(SB.firstInode, FIRST_INODE);
  u16(SB.inodeSize, INODE_SIZE);
  // A field of 16 bits, although there can be more groups: what is beyond is cut off, as the tools do it.
  u16(SB.groupNumber, group & 0xffff);
  u32(SB.compat, compatFeatures(fields));
  u32(SB.incompat, incompatFeatures(fields));
  u32(SB.roCompat, RO_FEATURES);
  bytes.set(fields.uuid, SB.uuid);
  bytes.set(fields.label, SB.label);
  u16(SB.reservedGdtBlocks, fields.reservedDescriptorBlocks);
  for (const [i, part] of fields.hashSeed.entries()) u32(SB.hashSeed + 4 * i, part);
  bytes[SB.hashVersion] = HASH_HALF_MD4;
  u16(SB.descriptorSize, DESCRIPTOR_SIZE);
  u32(SB.defaultMountOptions, XATTR_AND_ACL);
  u32(SB.firstMetaGroup, fields.firstMetaGroup ?? 0);
  u16(SB.minExtraSize, EXTRA_SIZE);
  u16(SB.wantExtraSize, EXTRA_SIZE);
  u32(SB.flags, FLAG_UNSIGNED_HASH);
  bytes[SB.logGroupsPerFlex] = LOG_GROUPS_PER_FLEX;
  bytes[SB.checksumType] = CRC32C;
  if (fields.journal !== undefined) {
    u32(SB.journalInode, JOURNAL_INODE);
    // A copy of the journal's inode, in case that is lost.
    bytes[SB.journalBackupType] = 1;
    bytes.set(fields.journal.block, SB.journalBackup);
    u32(SB.journalBackup + 60, Math.floor(fields.journal.size / U32));
    u32(SB.journalBackup + 64, fields.journal.size % U32);
  }
  u32(SB.checksum, crc32c(CRC_START, bytes, 0, SB.checksum));
  return bytes;
}

function compatFeatures({ journal, firstMetaGroup }: SuperblockFields): number {
  return (
    COMPAT.extAttr |
    COMPAT.dirIndex |
    (journal === undefined ? 0 : COMPAT.hasJournal) |
    (firstMetaGroup === undefined ? COMPAT.resizeInode : 0)
  );
}

function incompatFeatures({ firstMetaGroup }: SuperblockFields): number {
  return (
    INCOMPAT.filetype |
    INCOMPAT.extents |
    INCOMPAT.bits64 |
    INCOMPAT.flexGroups |
    (firstMetaGroup === undefined ? 0 : INCOMPAT.metaGroups)
  );
}

const RO_FEATURES: number =
  RO_COMPAT.sparseSuper |
  RO_COMPAT.largeFile |
  RO_COMPAT.hugeFile |
  RO_COMPAT.dirNlink |
  RO_COMPAT.extraSize |
  RO_COMPAT.metadataChecksum;
