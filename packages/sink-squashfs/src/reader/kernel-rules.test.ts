import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FLAG, SUPERBLOCK } from '../format.ts';
import type { Superblock } from '../superblock.ts';
import { build, bytesOf, directory, file } from '../testing/build.ts';
import { readThrough } from '../testing/read-through.ts';
import { createDecoder } from './decoder.ts';
import type { ImageFile } from './image-file.ts';
import { withKernelRules } from './kernel-rules.ts';
import { openSquashfs } from './reader.ts';
import { readXzStream } from './xz-stream.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocirender-kernel-rules-'));
});

afterAll(() => rm(folder, { recursive: true }));

const read = async (path: string, strict: boolean): Promise<number> => {
  const image = await openSquashfs(path, { strict });
  try {
    return (await readThrough(image)).bytes;
  } finally {
    await image.close();
  }
};

/** Writes an image of one block of data and changes its bytes. */
async function changed(
  name: string,
  compression: 'zstd' | 'xz' | 'gzip',
  change: (image: Buffer, block: number) => void,
): Promise<string> {
  const path = join(folder, name);
  const bytes = bytesOf(8192, 1);
  await build(path, { compression, fragments: false, blockSize: 131_072 }, async (store) =>
    directory({ f: file(bytes.length, await store(bytes)) }),
  );
  const image = await readFile(path);
  const magic = { zstd: '28b52ffd', xz: 'fd377a585a00', gzip: '78' }[compression];
  change(image, image.indexOf(Buffer.from(magic, 'hex'), 96));
  await writeFile(path, image);
  return path;
}

describe('what a library reads and Linux does not', () => {
  test('our own images are none of it', async () => {
    for (const compression of ['zstd', 'xz', 'gzip'] as const)
      expect(await read(await changed(compression, compression, () => {}), true)).toBe(8192);
  });

  test('a window larger than a block, and an empty block at the end', async () => {
    const library = createRequire(import.meta.url)('@mongodb-js/zstd') as {
      compress(bytes: Buffer): Promise<Buffer>;
    };
    const content = bytesOf(131_072, 1);
    // A frame of the streaming kind: of unknown size, and ended by an empty block.
    const streamed = await library.compress(Buffer.from(content));
    // The same, said to be one segment (RFC 8878, 3.1.1.1): smaller window, still that end.
    const size = Buffer.alloc(4);
    size.writeUInt32LE(content.length);
    const segment = Buffer.concat([streamed.subarray(0, 4), Buffer.of(0xa0), size, streamed.subarray(6)]);
    const lenient = createDecoder('zstd', 1);
    const superblock = { blockSize: 131_072, flags: 0 } as Superblock;
    // No options, so nothing is read of the file.
    const strict = await withKernelRules(lenient, 'zstd', undefined as unknown as ImageFile, superblock);
    for (const [frame, message] of [
      [streamed, 'it has a window of 2097152 bytes where it has room for 131072'],
      [segment, 'it has an empty block at the end of the frame'],
    ] as const) {
      expect(Buffer.from(await lenient.decode(frame, content.length)).equals(content)).toBe(true);
      expect(() => strict.decode(frame, content.length)).toThrow(message);
    }
  });

  test('an xz check that the kernel was built without', async () => {
    const path = await changed('check', 'xz', (image, at) => {
      image[at + 7] = 4;
    });
    await expect(read(path, true)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
      cause: expect.objectContaining({
        message: expect.stringContaining('integrity check 4') as string,
      }) as Error,
    });
  });

  test('lz4 without its options, and lzma', async () => {
    for (const [name, compressor, message] of [
      ['lz4', 5, 'no lz4 options'],
      ['lzma', 2, 'lzma, which Linux does not read'],
    ] as const) {
      const path = await changed(name, 'gzip', (image) => {
        image.writeUInt16LE(compressor, SUPERBLOCK.compressor);
        image.writeUInt16LE(image.readUInt16LE(SUPERBLOCK.flags) & ~FLAG.compressorOptions, SUPERBLOCK.flags);
      });
      await expect(openSquashfs(path, { strict: true })).rejects.toThrow(message);
    }
  });
});

test('the headers of an xz stream', () => {
  const stream = (...block: number[]): Uint8Array =>
    Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0, 0, 0, 0, 3, ...block, ...Buffer.alloc(16)]);
  expect(readXzStream(stream(0, 0x21, 1, 12))).toEqual({ check: 1, dictionary: 2 ** 18 });
  // Sizes, and a filter before LZMA2.
  expect(readXzStream(stream(0xc1, 0x80, 1, 5, 4, 0, 0x21, 1, 13))).toEqual({
    check: 1,
    dictionary: 3 * 2 ** 17,
  });
  expect(() => readXzStream(stream(0, 4, 0))).toThrow('not LZMA2');
  expect(() => readXzStream(stream(0, 0xff, 0xff, 0xff))).toThrow('not LZMA2');
  expect(() => readXzStream(Uint8Array.of(1, 2, 3))).toThrow('not a stream');
});
