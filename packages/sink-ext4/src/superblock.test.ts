import { CRC_START, crc32c } from '@ocirender/image-file';
import { expect, test } from 'vitest';
import { SB } from './format.ts';
import { encodeSuperblock } from './superblock.ts';

const FIELDS = {
  blockSize: 4096,
  firstBlock: 0,
  blocksPerGroup: 32_768,
  inodesPerGroup: 8192,
  groups: 131_072,
  blocks: 2 ** 32 + 5,
  reservedBlocks: 2 ** 33,
  freeBlocks: 2 ** 34 + 1,
  freeInodes: 7,
  reservedDescriptorBlocks: 1024,
  firstMetaGroup: undefined,
  uuid: new Uint8Array(16).fill(1),
  hashSeed: Uint32Array.from([1, 2, 3, 4]),
  label: Buffer.from('name'),
  time: 2 ** 32 + 9,
  journal: undefined,
};

test('numbers beyond 32 bits are in two fields', () => {
  const bytes = encodeSuperblock(FIELDS, 0);
  const u32 = (offset: number): number => bytes.readUInt32LE(offset);
  expect([u32(SB.blocksCount), u32(SB.blocksCountHigh)]).toEqual([5, 1]);
  expect([u32(SB.reservedBlocks), u32(SB.reservedBlocksHigh)]).toEqual([0, 2]);
  expect([u32(SB.freeBlocks), u32(SB.freeBlocksHigh)]).toEqual([1, 4]);
  expect([u32(SB.makeTime), bytes[SB.makeTimeHigh]]).toEqual([9, 1]);
  expect(u32(SB.checksum)).toBe(crc32c(CRC_START, bytes, 0, SB.checksum));
});

test('group numbers beyond 16 bits are cut off', () => {
  expect(encodeSuperblock(FIELDS, 5 ** 7).readUInt16LE(SB.groupNumber)).toBe(5 ** 7 - 65_536);
});
