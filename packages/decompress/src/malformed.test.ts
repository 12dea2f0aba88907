import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compressed, outcome, pieces } from '../test/support/streams.ts';
import type { Compression } from './index.ts';

const CODES = ['ERR_OCIRENDER_FORMAT', 'ERR_OCIRENDER_TRUNCATED', 'ERR_OCIRENDER_LIMIT'];
const RUNS: Readonly<Record<string, number>> = { gzip: 200, zstd: 300, xz: 200, lzma: 100, bzip2: 40 };

/** `outcome` throws what is not typed on, so an untyped error fails the property; so does a hang, by the test's time. */
describe.each<Compression>(['gzip', 'zstd', 'bzip2', 'xz', 'lzma'])('damaged %s', (compression) => {
  let bytes: Buffer;
  const numRuns = RUNS[compression]!;

  beforeAll(async () => {
    bytes = await compressed(compression);
  });

  async function check(damaged: Uint8Array): Promise<void> {
    const { error } = await outcome(pieces(damaged, 700), { compression, limits: { maxOutputBytes: 1e7 } });
    if (error !== undefined) expect(CODES).toContain(error);
  }

  test('any changed bytes give success or a typed error', async () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const damaged = Buffer.from(bytes);
        for (const [at, change] of list) damaged[at % damaged.length]! ^= change;
        await check(damaged);
      }),
      { numRuns },
    );
  });

  test('any changed byte of the header', async () => {
    for (let at = 0; at < 24; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= change;
        await check(damaged);
      }
    }
  });

  test('any part removed, doubled or replaced', async () => {
    const part = fc.tuple(
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(part, async ([position, length, other, double]) => {
        const at = position % bytes.length;
        const middle = double ? bytes.subarray(Math.max(0, at - length), at) : other;
        await check(
          Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(double ? at : at + length)]),
        );
      }),
      { numRuns },
    );
  });

  test('the magic and then anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (rest) => {
        await check(Buffer.concat([bytes.subarray(0, compression === 'lzma' ? 13 : 6), rest]));
      }),
      { numRuns },
    );
  });
});
