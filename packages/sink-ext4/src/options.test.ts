import { parseUuid } from '@ocirender/image-file';
import { parseOptions } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { ext4Options, writerOptions } from './options.ts';

const read = (given: Record<string, string>) =>
  writerOptions(parseOptions(ext4Options, given, 'the sink ext4'));

test('defaults', () => {
  expect(read({})).toEqual({
    size: undefined,
    free: { bytes: 0 },
    inodes: undefined,
    inodeRatio: undefined,
    blockSize: 4096,
    label: undefined,
    uuid: undefined,
    journalSize: 0,
    reserved: { bytes: 0 },
  });
});

test('everything', () => {
  const given = {
    free: '12.5%',
    inodes: '1000',
    'block-size': '1K',
    label: 'root',
    journal: '4M',
    reserved: '10M',
  };
  expect(read({ ...given, uuid: '01234567-89AB-cdef-0123-456789abcdef' })).toEqual({
    size: undefined,
    free: { percent: 12.5 },
    inodes: 1000,
    inodeRatio: undefined,
    blockSize: 1024,
    label: 'root',
    uuid: parseUuid('0123456789abcdef0123456789abcdef'),
    journalSize: 4 * 2 ** 20,
    reserved: { bytes: 10 * 2 ** 20 },
  });
  expect(read({ size: '1G', 'inode-ratio': '8K' })).toMatchObject({ size: 2 ** 30, inodeRatio: 8192 });
});

test.each([
  [{ free: 'much' }],
  [{ free: '-1' }],
  [{ free: '200001%' }],
  [{ reserved: '5 %' }],
  [{ journal: 'yes' }],
  [{ uuid: '01234567' }],
  [{ uuid: '00000000-0000-0000-0000-000000000000' }],
  [{ 'block-size': '8K' }],
  [{ 'block-size': '3000' }],
  [{ size: '0' }],
  [{ size: '17T' }],
  [{ size: '1G', free: '10%' }],
  [{ inodes: '10', 'inode-ratio': '4096' }],
])('refuses %j', (given) => {
  expect(() => read(given as Record<string, string>)).toThrow(
    expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_OPTION' }),
  );
});
