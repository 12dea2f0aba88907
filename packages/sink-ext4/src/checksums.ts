import { CRC_START, crc32c, crc32cOfU32 } from '@ocirender/image-file';

/** The filesystem's checksums, all CRC-32C that begin with its UUID (`checksums.rst`). */
export class Checksums {
  /** CRC of the UUID. */
  readonly seed: number;

  /** @param uuid - 16 bytes */
  constructor(uuid: Uint8Array) {
    this.seed = crc32c(CRC_START, uuid);
  }

  /**
   * Gives where the checksums of an inode, its directory blocks and its extent blocks begin.
   *
   * @param number - the inode's; its generation is 0
   */
  ofInode(number: number): number {
    return crc32cOfU32(crc32cOfU32(this.seed, number), 0);
  }

  /**
   * Gives the checksum of an attribute block.
   *
   * @param block - its number
   * @param bytes - with a checksum of 0
   */
  ofXattrBlock(block: number, bytes: Uint8Array): number {
    const high = Math.floor(block / 0x1_0000_0000);
    return crc32c(crc32cOfU32(crc32cOfU32(this.seed, block % 0x1_0000_0000), high), bytes);
  }

  /**
   * Gives the checksum of a group descriptor.
   *
   * @param group - its number
   * @param bytes - the descriptor with a checksum of 0
   */
  ofGroup(group: number, bytes: Uint8Array): number {
    return crc32c(crc32cOfU32(this.seed, group), bytes) & 0xffff;
  }

  /** Gives the checksum of (the meaningful part of) a bitmap. */
  ofBitmap(bytes: Uint8Array): number {
    return crc32c(this.seed, bytes);
  }
}
