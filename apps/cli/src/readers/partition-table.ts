/** Where the first partition of a disk begins. */
export interface FirstPartition {
  readonly table: 'GPT' | 'MBR';
  /** Its number in the table, from 1. */
  readonly number: number;
  /** Bytes from the start of the disk. */
  readonly start: number;
}

const MBR_SIGNATURE = 510;
const MBR_ENTRIES = 446;
const MBR_ENTRY = 16;
const MBR_SECTOR = 512;
/** MBR type of the entry that protects a GPT. */
const PROTECTIVE = 0xee;

const GPT_MAGIC = Buffer.from('EFI PART');
/** The header is in the second sector, which has 512 or 4096 bytes. */
const GPT_SECTORS = [512, 4096];
const GPT_MAX_ENTRIES = 1024;

/**
 * Finds the first partition of a disk image.
 *
 * @param bytes - the beginning of the file
 * @returns undefined when there is no partition table, or nothing in it
 * @see https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html
 */
export function firstPartition(bytes: Buffer): FirstPartition | undefined {
  for (const sector of GPT_SECTORS) {
    if (!bytes.subarray(sector, sector + GPT_MAGIC.length).equals(GPT_MAGIC)) continue;
    return firstOfGpt(bytes, sector);
  }
  return firstOfMbr(bytes);
}

function firstOfGpt(bytes: Buffer, sector: number): FirstPartition | undefined {
  if (bytes.length < 2 * sector) return undefined;
  const header = bytes.subarray(sector, 2 * sector);
  const table = Number(header.readBigUInt64LE(72)) * sector;
  const count = Math.min(header.readUInt32LE(80), GPT_MAX_ENTRIES);
  const size = header.readUInt32LE(84);
  if (size < 128) return undefined;
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    if (at + 48 > bytes.length) return undefined;
    if (bytes.subarray(at, at + 16).every((byte) => byte === 0)) continue;
    const start = Number(bytes.readBigUInt64LE(at + 32)) * sector;
    return { table: 'GPT', number: index + 1, start };
  }
  return undefined;
}

function firstOfMbr(bytes: Buffer): FirstPartition | undefined {
  if (bytes.length < 512 || bytes.readUInt16BE(MBR_SIGNATURE) !== 0x55aa) return undefined;
  const entries = [0, 1, 2, 3].map((index) => {
    const at = MBR_ENTRIES + index * MBR_ENTRY;
    const start = bytes.readUInt32LE(at + 8) * MBR_SECTOR;
    return { status: bytes[at]!, type: bytes[at + 4]!, start, sectors: bytes.readUInt32LE(at + 12) };
  });
  // The boot sector of a file system has the signature too, and program code where the table would be.
  if (entries.some(({ status }) => (status & 0x7f) !== 0)) return undefined;
  const index = entries.findIndex(
    ({ type, start, sectors }) => type !== 0 && type !== PROTECTIVE && start > 0 && sectors > 0,
  );
  return index < 0 ? undefined : { table: 'MBR', number: index + 1, start: entries[index]!.start };
}
