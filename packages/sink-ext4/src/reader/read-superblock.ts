import { CRC_START, crc32c, formatUuid } from '@ocirender/image-file';
import { FormatError } from '@ocirender/interface';
import {
  COMPAT,
  INCOMPAT,
  OLD_INODE_SIZE,
  RO_COMPAT,
  SB,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
} from '../format.ts';
import type { ImageFile } from './image-file.ts';

/** What the reader needs of a superblock, checked. */
export interface ReadSuperblock {
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly firstBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodes: number;
  readonly freeInodes: number;
  /** Bytes. */
  readonly inodeSize: number;
  /** Bytes. */
  readonly descriptorSize: number;
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
  readonly firstMetaGroup: number;
  readonly uuid: string;
  /** Text before the first NUL, one character for each byte. */
  readonly label: string;
}

/** Features that change what is read, and that this reader knows. */
const KNOWN_INCOMPAT =
  INCOMPAT.filetype |
  INCOMPAT.recover |
  INCOMPAT.metaGroups |
  INCOMPAT.extents |
  INCOMPAT.bits64 |
  INCOMPAT.mmp |
  INCOMPAT.flexGroups |
  INCOMPAT.eaInode |
  INCOMPAT.checksumSeed |
  INCOMPAT.largeDir |
  INCOMPAT.inlineData;

/** Names of features, by bit, for people; those of dumpe2fs. */
const NAMES: readonly [word: 'compat' | 'incompat' | 'roCompat', bit: number, name: string][] = [
  ['compat', COMPAT.hasJournal, 'has_journal'],
  ['compat', COMPAT.extAttr, 'ext_attr'],
  ['compat', COMPAT.resizeInode, 'resize_inode'],
  ['compat', COMPAT.dirIndex, 'dir_index'],
  ['incompat', INCOMPAT.filetype, 'filetype'],
  ['incompat', INCOMPAT.recover, 'needs_recovery'],
  ['incompat', INCOMPAT.metaGroups, 'meta_bg'],
  ['incompat', INCOMPAT.extents, 'extent'],
  ['incompat', INCOMPAT.bits64, '64bit'],
  ['incompat', INCOMPAT.mmp, 'mmp'],
  ['incompat', INCOMPAT.flexGroups, 'flex_bg'],
  ['incompat', INCOMPAT.eaInode, 'ea_inode'],
  ['incompat', INCOMPAT.checksumSeed, 'metadata_csum_seed'],
  ['incompat', INCOMPAT.largeDir, 'large_dir'],
  ['incompat', INCOMPAT.inlineData, 'inline_data'],
  ['incompat', INCOMPAT.compression, 'compression'],
  ['incompat', INCOMPAT.journalDevice, 'journal_dev'],
  ['incompat', INCOMPAT.directoryData, 'dirdata'],
  ['incompat', INCOMPAT.encrypt, 'encrypt'],
  ['incompat', INCOMPAT.casefold, 'casefold'],
  ['roCompat', RO_COMPAT.sparseSuper, 'sparse_super'],
  ['roCompat', RO_COMPAT.largeFile, 'large_file'],
  ['roCompat', RO_COMPAT.hugeFile, 'huge_file'],
  ['roCompat', RO_COMPAT.groupChecksum, 'uninit_bg'],
  ['roCompat', RO_COMPAT.dirNlink, 'dir_nlink'],
  ['roCompat', RO_COMPAT.extraSize, 'extra_isize'],
  ['roCompat', RO_COMPAT.bigalloc, 'bigalloc'],
  ['roCompat', RO_COMPAT.metadataChecksum, 'metadata_csum'],
];

/**
 * Reads and checks the superblock.
 *
 * @param file - the image
 * @throws {FormatError} when it is none, is damaged, or has features that cannot be read here
 */
export async function readSuperblock(file: ImageFile): Promise<ReadSuperblock> {
  const bytes = await file.read(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE);
  const bad = (what: string): never => {
    throw new FormatError(`ext4 superblock: ${what}`, SUPERBLOCK_OFFSET);
  };
  const u16 = (offset: number): number => bytes.readUInt16LE(offset);
  const u32 = (offset: number): number => bytes.readUInt32LE(offset);
  if (u16(SB.magic) !== SUPERBLOCK_MAGIC) bad('the magic number is missing');
  const dynamic = u32(SB.revision) > 0;
  const [compat, incompat, roCompat] = [SB.compat, SB.incompat, SB.roCompat].map((at) =>
    dynamic ? u32(at) : 0,
  ) as [number, number, number];
  const unknown = (incompat & ~KNOWN_INCOMPAT) >>> 0;
  if (unknown !== 0) bad(`it has ${unreadableFeatures(unknown)}, which cannot be read here`);
  if (
    (roCompat & RO_COMPAT.metadataChecksum) !== 0 &&
    u32(SB.checksum) !== crc32c(CRC_START, bytes, 0, SB.checksum)
  )
    bad('the checksum is wrong');
  const has64 = (incompat & INCOMPAT.bits64) !== 0;
  const u64 = (low: number, high: number): number => u32(low) + (has64 ? u32(high) * 0x1_0000_0000 : 0);
  if (u32(SB.logBlockSize) > 6) bad(`a block size of 2^${10 + u32(SB.logBlockSize)}`);
  const blockSize = 1024 << u32(SB.logBlockSize);
  const superblock: ReadSuperblock = {
    blockSize,
    blocks: u64(SB.blocksCount, SB.blocksCountHigh),
    freeBlocks: u64(SB.freeBlocks, SB.freeBlocksHigh),
    firstBlock: u32(SB.firstDataBlock),
    blocksPerGroup: u32(SB.blocksPerGroup),
    inodesPerGroup: u32(SB.inodesPerGroup),
    inodes: u32(SB.inodesCount),
    freeInodes: u32(SB.freeInodes),
    inodeSize: dynamic ? u16(SB.inodeSize) : OLD_INODE_SIZE,
    descriptorSize: has64 ? u16(SB.descriptorSize) : 32,
    compat,
    incompat,
    roCompat,
    firstMetaGroup:
      (incompat & INCOMPAT.metaGroups) === 0 ? Number.POSITIVE_INFINITY : u32(SB.firstMetaGroup),
    uuid: formatUuid(bytes.subarray(SB.uuid, SB.uuid + 16)),
    label: bytes.toString('latin1', SB.label, SB.label + 16).replace(/\0.*$/s, ''),
  };
  const { blocks, blocksPerGroup, inodesPerGroup, inodes, inodeSize, descriptorSize, firstBlock } =
    superblock;
  if (!Number.isSafeInteger(blocks * blockSize) || blocks <= firstBlock) bad(`${blocks} blocks`);
  if (firstBlock > 1) bad(`${firstBlock} is the first block`);
  if (blocksPerGroup === 0 || blocksPerGroup > 8 * blockSize * 65_536)
    bad(`${blocksPerGroup} blocks in a group`);
  if (inodesPerGroup === 0 || inodesPerGroup > 8 * blockSize) bad(`${inodesPerGroup} inodes in a group`);
  if (inodeSize < OLD_INODE_SIZE || inodeSize > blockSize || !isPowerOfTwo(inodeSize))
    bad(`inodes of ${inodeSize} bytes`);
  if (descriptorSize < 32 || descriptorSize > 1024 || !isPowerOfTwo(descriptorSize))
    bad(`group descriptors of ${descriptorSize} bytes`);
  if (inodes > Math.ceil((blocks - firstBlock) / blocksPerGroup) * inodesPerGroup) bad(`${inodes} inodes`);
  return superblock;
}

/** The features of a set of bits, by name where they have one. */
function unreadableFeatures(bits: number): string {
  const names = [];
  for (let bit = 0; bit < 32; bit++) {
    const value = 2 ** bit;
    if (Math.floor(bits / value) % 2 === 0) continue;
    const known = NAMES.find(([word, mask]) => word === 'incompat' && mask === value);
    names.push(known === undefined ? `0x${value.toString(16)}` : `"${known[2]}"`);
  }
  return `the ${names.length === 1 ? 'feature' : 'features'} ${names.join(', ')}`;
}

/**
 * Lists the features of a filesystem.
 *
 * @param superblock - its superblock
 * @returns their names as `dumpe2fs` has them, with spaces between
 */
export function featureNames(superblock: ReadSuperblock): string {
  return NAMES.filter(([word, bit]) => (superblock[word] & bit) !== 0)
    .map(([, , name]) => name)
    .join(' ');
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
