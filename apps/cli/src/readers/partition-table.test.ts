import { expect, test } from 'vitest';
import { firstPartition } from './partition-table.ts';

function mbr(...entries: readonly { type: number; start: number; status?: number }[]): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt16BE(0x55aa, 510);
  for (const [index, { type, start, status = 0 }] of entries.entries()) {
    const at = 446 + index * 16;
    bytes[at] = status;
    bytes[at + 4] = type;
    bytes.writeUInt32LE(start, at + 8);
    bytes.writeUInt32LE(100, at + 12);
  }
  return bytes;
}

function gpt(sector: number, at: number): Buffer {
  const bytes = Buffer.concat([mbr({ type: 0xee, start: 1 }), Buffer.alloc(16_384)]);
  bytes.write('EFI PART', sector);
  bytes.writeBigUInt64LE(2n, sector + 72);
  bytes.writeUInt32LE(128, sector + 80);
  bytes.writeUInt32LE(128, sector + 84);
  bytes.write('type', 2 * sector + at * 128);
  bytes.writeBigUInt64LE(2048n, 2 * sector + at * 128 + 32);
  return bytes;
}

test.each([
  ['an MBR', mbr({ type: 0x83, start: 2048, status: 0x80 }), { table: 'MBR', number: 1, start: 1_048_576 }],
  [
    'an MBR with a gap',
    mbr({ type: 0, start: 0 }, { type: 0x0c, start: 63 }),
    { table: 'MBR', number: 2, start: 32_256 },
  ],
  ['a GPT', gpt(512, 0), { table: 'GPT', number: 1, start: 1_048_576 }],
  ['a GPT with a gap', gpt(512, 3), { table: 'GPT', number: 4, start: 1_048_576 }],
  ['a GPT of 4096-byte sectors', gpt(4096, 0), { table: 'GPT', number: 1, start: 8_388_608 }],
])('%s', (_, bytes, expected) => expect(firstPartition(bytes)).toEqual(expected));

test.each([
  ['nothing', Buffer.alloc(0)],
  ['zeros', Buffer.alloc(8192)],
  ['a table without partitions', mbr()],
  ['a boot sector', mbr({ type: 0x83, start: 2048, status: 0x33 })],
  ['only the entry that protects a GPT', mbr({ type: 0xee, start: 1 })],
  ['a GPT that was cut off', gpt(512, 0).subarray(0, 1030)],
  [
    'a GPT whose table is far away',
    (() => {
      const bytes = gpt(512, 0);
      bytes.writeBigUInt64LE(2n ** 63n, 512 + 72);
      return bytes;
    })(),
  ],
])('%s is none', (_, bytes) => expect(firstPartition(bytes)).toBeUndefined());
