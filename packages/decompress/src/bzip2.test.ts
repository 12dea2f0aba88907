import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, outcome, pieces, sample } from '../test/support/streams.ts';

/** Writes bits, most significant first. */
function bits(...fields: readonly (readonly [value: number, count: number])[]): Buffer {
  const text = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  const bytes = text.padEnd(Math.ceil(text.length / 8) * 8, '0').match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** A block of the byte 'a' whose run length is written with as many digits. */
function blockWithRun(digits: number): Buffer {
  const codeLengths: [number, number][] = [
    [2, 5],
    [0, 1],
    [0, 1],
    [0, 1],
  ];
  return Buffer.concat([
    Buffer.from('BZh9'),
    bits(
      [0x314159, 24],
      [0x265359, 24],
      [0, 32],
      [0, 1],
      [0, 24],
      [1 << (15 - 6), 16],
      [1 << (15 - 1), 16],
      [2, 3],
      [1, 15],
      [0, 1],
      ...codeLengths,
      ...codeLengths,
      ...Array.from({ length: digits }, (): [number, number] => [0, 2]),
      [2, 2],
    ),
    Buffer.alloc(100),
  ]);
}

describe('bzip2', () => {
  const streams = ['sample-3000.bz2', 'empty.bz2', 'sample-350000-level1.bz2'].map(fixture);
  const whole = Buffer.concat([sample(3000), sample(350_000)]);

  test('streams and blocks are one stream, cut anywhere', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        const found = await outcome(pieces(Buffer.concat(streams), lengths));
        expect([found.error, found.diagnostics, found.output.equals(whole)]).toEqual([undefined, [], true]);
      }),
      { numRuns: 5 },
    );
  });

  test('byte by byte', async () => {
    expect((await outcome(pieces(streams[0]!, 1))).output).toEqual(sample(3000));
  });

  test('nothing at all', async () => {
    expect(await outcome(pieces(fixture('empty.bz2'), 5))).toEqual({
      output: Buffer.alloc(0),
      error: undefined,
      diagnostics: [],
    });
  });

  test('zeros behind it are padding, other bytes are reported', async () => {
    const bytes = streams[0]!;
    expect((await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(999)]), 9))).diagnostics).toEqual([]);
    const found = await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(9), Buffer.from('x')]), 99));
    expect(found).toEqual({ output: sample(3000), error: undefined, diagnostics: ['trailing-data'] });
    const foreign = await outcome(pieces(Buffer.concat([bytes, Buffer.from('Bx')]), 99));
    expect(foreign.diagnostics).toEqual(['trailing-data']);
  });

  test('every truncation is one', async () => {
    const bytes = Buffer.concat([streams[0]!, streams[1]!]);
    const boundary = streams[0]!.length;
    for (let length = 0; length < bytes.length; length += length < 10 || length > boundary - 10 ? 1 : 111) {
      const { error } = await outcome(pieces(bytes.subarray(0, length), 50), { compression: 'bzip2' });
      expect([length, error]).toEqual([length, length === boundary ? undefined : 'ERR_OCIRENDER_TRUNCATED']);
    }
  });

  test.each([10, 20, 24, 30, 31, 32, 33, 64])('a run whose length has %i digits ends', async (digits) => {
    expect((await outcome(pieces(blockWithRun(digits), 50))).error).toBe('ERR_OCIRENDER_FORMAT');
  });

  test('a block of 46 MB from 40 bytes is read, and refused by its ratio', async () => {
    const bytes = fixture('zeros-100000000.bz2');
    expect((await outcome(pieces(bytes, 50), { limits: { maxOutputBytes: 1_000_000 } })).error).toBe(
      'ERR_OCIRENDER_LIMIT',
    );
    const { error, output } = await outcome(pieces(bytes, 50));
    expect(error).toBe('ERR_OCIRENDER_LIMIT');
    expect(output.length).toBeLessThanOrEqual(64 * 2 ** 20);
  });
});
