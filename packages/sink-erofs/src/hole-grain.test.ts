import { stat } from 'node:fs/promises';
import type { Extent } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { MAX_CHUNK_SIZE } from './format.ts';
import { holeGrain } from './hole-grain.ts';
import { openErofs } from './reader/reader.ts';
import { directory, file, PLAIN, withPath } from './testing/build.ts';
import { ErofsWriter } from './writer.ts';

const G = 2 ** 30;

/** One byte every so many bytes. */
const specks = (count: number, distance: number): Extent[] =>
  Array.from({ length: count }, (_, i) => ({ offset: i * distance, length: 1 }));

describe('the size of holes', () => {
  test('is a block where the table stays short', () => {
    expect(holeGrain(4 * G, 4096, undefined)).toBe(4096);
    expect(holeGrain(4 * G, 4096, specks(100, 5_000_000))).toBe(4096);
  });

  test('grows with the file where it is not known where its data is', () => {
    expect(holeGrain(4 * G + 1, 4096, undefined)).toBe(8192);
    expect(holeGrain(2 ** 40, 4096, undefined)).toBe(2 ** 20);
    expect(holeGrain(2 ** 53 - 1, 4096, undefined)).toBe(MAX_CHUNK_SIZE);
  });

  test('weighs the table against the zeros around the data', () => {
    const size = 256 * G;
    const total = (grain: number): number => (4 * size) / grain + 3000 * grain;
    const grain = holeGrain(size, 4096, specks(3000, 80_000_000));
    expect(grain).toBe(16_384);
    expect(total(grain)).toBeLessThanOrEqual(Math.min(total(grain / 2), total(grain * 2)));
    expect(holeGrain(size, 4096, [])).toBe(MAX_CHUNK_SIZE);
  });

  test('counts a chunk once that holds several extents', () => {
    const near = specks(3000, 10);
    expect(holeGrain(256 * G, 4096, near)).toBeGreaterThan(
      holeGrain(256 * G, 4096, specks(3000, 80_000_000)),
    );
  });
});

test('a huge file of many small extents stays small, and reads as it was', () =>
  withPath(async (path) => {
    const size = 256 * G;
    const extents = specks(500, 400_000_001);
    const writer = new ErofsWriter(path, {});
    const content = async function* () {
      let at = 0;
      for (const { offset } of extents) {
        if (offset > at) yield { hole: offset - at };
        yield Uint8Array.of(1 + (offset % 255));
        at = offset + 1;
      }
      yield { hole: size - at };
    };
    const ref = await writer.write(content(), { size, extents, placement: { path: 'f', metadata: PLAIN } });
    await writer.finish({ root: directory({ f: file(size, ref) }) });
    // 4 bytes for each 32 KiB, and 32 KiB for each extent; it was one chunk of 256 KiB for each extent.
    expect((await stat(path)).size).toBeLessThan(52_000_000);

    const image = await openErofs(path);
    try {
      let at = 0;
      const found: number[] = [];
      for await (const chunk of image.read('f')) {
        if (chunk instanceof Uint8Array)
          for (const [i, byte] of chunk.entries()) if (byte !== 0) found.push(at + i, byte);
        at += chunk instanceof Uint8Array ? chunk.length : chunk.hole;
      }
      expect(at).toBe(size);
      expect(found).toEqual(extents.flatMap(({ offset }) => [offset, 1 + (offset % 255)]));
    } finally {
      await image.close();
    }
  }));
