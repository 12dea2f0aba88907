import { JOURNAL_MAGIC, JOURNAL_SUPERBLOCK } from './format.ts';

/**
 * Encodes the first block of an empty journal (`journal.rst`, "Super Block"); the rest is zeros.
 *
 * @param blockSize - bytes
 * @param blocks - of the journal
 * @param uuid - the filesystem's, 16 bytes
 */
export function encodeJournalSuperblock(blockSize: number, blocks: number, uuid: Uint8Array): Buffer {
  const bytes = Buffer.alloc(blockSize);
  const fields = [JOURNAL_MAGIC, JOURNAL_SUPERBLOCK, 0, blockSize, blocks, 1, 1, 0, 0];
  for (const [i, value] of fields.entries()) bytes.writeUInt32BE(value, 4 * i);
  bytes.set(uuid, 0x30);
  // One filesystem uses it.
  bytes.writeUInt32BE(1, 0x40);
  return bytes;
}
