import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { fixture, lzma, noise, outcome, pieces, sample, xz } from '../test/support/streams.ts';

describe('xz', () => {
  let multi: Buffer;
  const whole = Buffer.concat([sample(3000), sample(350_000), noise(150_000)]);

  beforeAll(async () => {
    multi = Buffer.concat([
      await xz(sample(3000)),
      fixture('sample-350000-blocks.xz'),
      Buffer.alloc(8),
      await xz(Buffer.alloc(0)),
      Buffer.alloc(4),
      await xz(noise(150_000)),
    ]);
  });

  test('streams, blocks and padding are one stream, cut anywhere', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        const found = await outcome(pieces(multi, lengths));
        expect([found.error, found.diagnostics, found.output.equals(whole)]).toEqual([undefined, [], true]);
      }),
      { numRuns: 15 },
    );
  });

  test('byte by byte, with a second filter and SHA-256', async () => {
    const found = await outcome(pieces(fixture('sample-3000-delta-sha256.xz'), 1));
    expect(found).toEqual({ output: sample(3000), error: undefined, diagnostics: [] });
  });

  test('a large output comes in order', async () => {
    const bytes = Buffer.concat([Buffer.alloc(9_000_000), noise(300_000), sample(2_000_000)]);
    expect((await outcome(pieces(await xz(bytes), 100_000))).output.equals(bytes)).toBe(true);
  });

  test('zeros behind it are padding, other bytes are reported', async () => {
    const bytes = await xz(sample(30));
    expect((await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(999)]), 9))).diagnostics).toEqual([]);
    const found = await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(9), noise(9999)]), 99));
    expect(found).toEqual({ output: sample(30), error: undefined, diagnostics: ['trailing-data'] });
  });

  test('padding between streams comes in fours', async () => {
    const bytes = Buffer.concat([await xz(sample(30)), Buffer.alloc(3), await xz(sample(30))]);
    expect((await outcome(pieces(bytes, 1000))).error).toBe('ERR_OCIRENDER_FORMAT');
  });

  test('every truncation is one', async () => {
    const bytes = fixture('sample-3000-delta-sha256.xz');
    for (let length = 0; length < bytes.length; length++) {
      const { error } = await outcome(pieces(bytes.subarray(0, length), 50), { compression: 'xz' });
      expect([length, error]).toEqual([length, 'ERR_OCIRENDER_TRUNCATED']);
    }
  });

  test('a dictionary beyond the limit is refused', async () => {
    const found = await outcome(pieces(await xz(sample(30)), 50), { limits: { maxWindowBytes: 2 ** 19 } });
    expect(found.error).toBe('ERR_OCIRENDER_LIMIT');
  });
});

describe('lzma', () => {
  test('with an end marker, cut anywhere', async () => {
    for (const cut of [1, 13, 14, 500, 5000]) {
      const found = await outcome(pieces(fixture('sample-3000.lzma'), cut));
      expect(found).toEqual({ output: sample(3000), error: undefined, diagnostics: [] });
    }
  });

  test('with its size in the header', async () => {
    const bytes = Buffer.concat([Buffer.alloc(3_000_000), noise(9000)]);
    expect((await outcome(pieces(await lzma(bytes), 700))).output.equals(bytes)).toBe(true);
  });

  test('zeros behind it are padding, other bytes are reported', async () => {
    const bytes = fixture('sample-3000.lzma');
    expect((await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(999)]), 9))).diagnostics).toEqual([]);
    const found = await outcome(pieces(Buffer.concat([bytes, Buffer.from('x')]), 99));
    expect(found).toEqual({ output: sample(3000), error: undefined, diagnostics: ['trailing-data'] });
  });

  test('every truncation is one', async () => {
    const bytes = fixture('sample-3000.lzma');
    for (let length = 0; length < bytes.length; length += length < 20 || length > 960 ? 1 : 17) {
      const { error } = await outcome(pieces(bytes.subarray(0, length), 50), { compression: 'lzma' });
      expect([length, error]).toEqual([length, 'ERR_OCIRENDER_TRUNCATED']);
    }
  });

  test('a dictionary beyond the limit is refused', async () => {
    const options = { limits: { maxWindowBytes: 2 ** 20 } };
    const found = await outcome(pieces(fixture('sample-3000.lzma'), 50), options);
    expect(found.error).toBe('ERR_OCIRENDER_LIMIT');
  });
});
