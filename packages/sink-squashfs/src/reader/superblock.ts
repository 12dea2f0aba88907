import { FormatError } from '@ocirender/interface';
import {
  FLAG,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  NO_TABLE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
} from '../format.ts';
import type { Superblock } from '../superblock.ts';

/**
 * Decodes and checks a superblock (format.adoc, "The Superblock").
 *
 * @param bytes - the image's first 96 bytes
 * @param fileSize - size of the image in bytes
 * @returns what it says; every position in it is within the part of the image that is in use
 * @throws {FormatError} when it is not a squashfs 4.0 image, contradicts itself or the file is shorter
 */
export function decodeSuperblock(bytes: Uint8Array, fileSize: number): Superblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u16 = (at: number): number => view.getUint16(at, true);
  const u32 = (at: number): number => view.getUint32(at, true);
  if (u32(SUPERBLOCK.magic) !== SUPERBLOCK_MAGIC) {
    throw new FormatError('not a squashfs image: the magic bytes "hsqs" are missing', SUPERBLOCK.magic);
  }
  const version = `${u16(SUPERBLOCK.versionMajor)}.${u16(SUPERBLOCK.versionMinor)}`;
  if (version !== '4.0') {
    throw new FormatError(`squashfs version ${version} cannot be read, only 4.0`, SUPERBLOCK.versionMajor, {
      hint: 'Unpack the image with an unsquashfs of its time and pack it again.',
    });
  }
  const blockSize = u32(SUPERBLOCK.blockSize);
  const blockLog = u16(SUPERBLOCK.blockLog);
  if (blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE || blockSize !== 2 ** blockLog) {
    throw new FormatError(
      `the superblock's block size is impossible: ${blockSize} bytes, logarithm ${blockLog}`,
      SUPERBLOCK.blockSize,
    );
  }
  const bytesUsed = view.getBigUint64(SUPERBLOCK.bytesUsed, true);
  if (bytesUsed > BigInt(fileSize)) {
    throw new FormatError(`the image uses ${bytesUsed} bytes, but the file ends before`, fileSize, {
      code: 'ERR_OCIRENDER_TRUNCATED',
      hint: 'The file is incomplete or damaged; make or fetch it again.',
    });
  }

  /** Tables come in a fixed order, which is what makes overlaps impossible. */
  let least = SUPERBLOCK_SIZE;
  const position = (name: keyof typeof SUPERBLOCK): number | undefined => {
    const value = view.getBigUint64(SUPERBLOCK[name], true);
    if (value === NO_TABLE) return undefined;
    if (value < BigInt(least) || value >= bytesUsed) {
      throw new FormatError(
        `the superblock's ${name} is at ${value}: it must be within ${least} and ${bytesUsed}`,
        SUPERBLOCK[name],
      );
    }
    least = Number(value) + 1;
    return Number(value);
  };
  const required = (name: keyof typeof SUPERBLOCK): number => {
    const value = position(name);
    if (value === undefined) throw new FormatError(`the image has no ${name}`, SUPERBLOCK[name]);
    return value;
  };
  const inodeTable = required('inodeTable');
  const directoryTable = required('directoryTable');
  const fragmentTable = position('fragmentTable');
  const exportTable = position('exportTable');
  const idTable = required('idTable');
  const xattrTable = position('xattrTable');
  const fragmentCount = u32(SUPERBLOCK.fragmentCount);
  return {
    inodeCount: u32(SUPERBLOCK.inodeCount),
    modificationTime: u32(SUPERBLOCK.modificationTime),
    blockSize,
    fragmentCount: fragmentTable === undefined ? 0 : fragmentCount,
    compressor: u16(SUPERBLOCK.compressor),
    flags: u16(SUPERBLOCK.flags),
    idCount: u16(SUPERBLOCK.idCount),
    rootInode: view.getBigUint64(SUPERBLOCK.rootInode, true),
    bytesUsed: Number(bytesUsed),
    idTable,
    inodeTable,
    directoryTable,
    xattrTable,
    fragmentTable,
    exportTable,
  };
}

/**
 * Tells what a superblock says, for people.
 *
 * @param superblock - decoded
 * @param compression - name of its compressor
 * @returns facts by name in camelCase; positions and sizes in bytes, `created` in UTC
 */
export function superblockFacts(
  superblock: Superblock,
  compression: string,
): Record<string, string | number | boolean> {
  const facts: Record<string, string | number | boolean> = {
    version: '4.0',
    compression,
    blockSize: superblock.blockSize,
    inodes: superblock.inodeCount,
    fragments: superblock.fragmentCount,
    ids: superblock.idCount,
    created: new Date(superblock.modificationTime * 1000).toISOString().replace('.000Z', 'Z'),
    bytesUsed: superblock.bytesUsed,
  };
  for (const [name, bit] of Object.entries(FLAG)) facts[name] = (superblock.flags & bit) !== 0;
  facts['exportTable'] = superblock.exportTable !== undefined;
  facts['xattrTable'] = superblock.xattrTable !== undefined;
  return facts;
}
