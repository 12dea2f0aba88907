import { readFile, writeFile } from 'node:fs/promises';
import { type Inode, isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Compression } from '../compression.ts';
import { build, bytesOf, directory, file, PLAIN, stream, withPath } from '../testing/build.ts';
import { readThrough } from '../testing/read-through.ts';
import { SMALL_IMAGES } from '../testing/small-images.ts';
import { openSquashfs } from './reader.ts';

/** Mutated images for each compressor; more by hand. */
const RUNS = Number(process.env['OCIRENDER_MUTATION_RUNS'] ?? 60);

interface Mutation {
  /** What is changed: somewhere in the superblock, in the tables (the last part), anywhere. */
  readonly where: 'superblock' | 'tables' | 'anywhere';
  readonly at: number;
  readonly kind: 'bit' | 'byte' | 'zeros' | 'ones' | 'copy' | 'cut';
  readonly value: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  where: fc.constantFrom('superblock', 'tables', 'tables', 'tables', 'anywhere'),
  at: fc.nat(),
  kind: fc.constantFrom('bit', 'bit', 'byte', 'byte', 'zeros', 'ones', 'copy', 'cut'),
  value: fc.nat(),
});

function mutate(image: Buffer, tables: number, { where, at, kind, value }: Mutation): Buffer {
  const [from, to] = { superblock: [0, 96], tables: [tables, image.length], anywhere: [0, image.length] }[
    where
  ] as [number, number];
  const position = from + (at % Math.max(1, to - from));
  if (position >= image.length) return image;
  if (kind === 'bit') image[position]! ^= 1 << (value % 8);
  else if (kind === 'byte') image[position] = value & 0xff;
  else if (kind === 'zeros' || kind === 'ones') {
    const end = Math.min(image.length, position + 1 + (value % 8));
    image.fill(kind === 'ones' ? 0xff : 0, position, end);
  } else if (kind === 'copy')
    image.copy(image, position, value % image.length, (value % image.length) + 1 + (value % 64));
  // Rarely: a file that ends early is refused at once.
  else if (value % 8 === 0) return image.subarray(0, position);
  return image;
}

async function sample(path: string, compression: Compression | keyof typeof SMALL_IMAGES): Promise<void> {
  if (compression in SMALL_IMAGES) {
    await writeFile(path, Buffer.from(SMALL_IMAGES[compression as keyof typeof SMALL_IMAGES], 'base64'));
    return;
  }
  await build(
    path,
    { compression: compression as Compression, blockSize: 4096, tailPacking: true },
    async (store) => {
      const children: Record<string, Inode> = {};
      for (let i = 0; i < 12; i++) {
        const content = bytesOf(1 + i * 1700, i, i % 2 === 0);
        const xattrs = new Map([[`user.${i % 3}`, Buffer.from('value')]]);
        children[`file-${i}`] = file(content.length, await store(content), i % 4 === 0 ? { xattrs } : {});
      }
      const hole = 60_000;
      children['sparse'] = file(hole + 9, await store(stream([{ hole }, bytesOf(9, 1)]), hole + 9));
      const many = Array.from({ length: 400 }, (_, i): [string, Inode] => [
        `a longish name, number ${i}`,
        file(0, undefined),
      ]);
      const shared = children['file-3'] as Inode;
      return directory({
        ...children,
        many: directory(new Map(many)),
        deep: directory({
          a: directory({ b: directory({ c: directory({}), shared }) }),
          d: directory({ shared }),
        }),
        link: { type: 'symlink', target: 'deep/a', ...PLAIN },
        tty: { type: 'character-device', devMajor: 5, devMinor: 1, ...PLAIN },
        pipe: { type: 'fifo', ...PLAIN, uid: 1000 },
      });
    },
  );
}

test.each(['none', 'zstd', 'gzip', 'xz', 'lz4', 'lzo', 'lzma'] as const)(
  'a mutated %s image gives everything or a typed error',
  async (compression) => {
    await withPath(async (path) => {
      await sample(path, compression);
      const image = await readFile(path);
      const tables = Number(image.readBigUInt64LE(64));
      const whole = await openSquashfs(path);
      expect((await readThrough(whole)).names).toBe(compression in SMALL_IMAGES ? 18 : 425);
      await whole.close();
      let failures = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(mutation, { minLength: 1, maxLength: 4 }),
          fc.constantFrom(1, 3),
          async (mutations, threads) => {
            let bytes: Buffer = Buffer.from(image);
            for (const one of mutations) bytes = mutate(bytes, tables, one);
            await writeFile(path, bytes);
            try {
              const reader = await openSquashfs(path, { threads });
              try {
                // No table got longer: there is a bound to what a walk can find.
                expect((await readThrough(reader)).names).toBeLessThan(20_000);
              } finally {
                await reader.close();
              }
            } catch (error) {
              if (!isOcirenderError(error)) throw error;
              failures++;
            }
          },
        ),
        { numRuns: RUNS },
      );
      expect(failures).toBeGreaterThan(RUNS / 10);
    });
  },
  600_000,
);
