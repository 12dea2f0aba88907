import { constants, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noise, outcome, pieces, sample } from '../test/support/streams.ts';

const done = (output: Buffer, ...diagnostics: string[]): object => ({
  output,
  error: undefined,
  diagnostics,
});

describe('gzip', () => {
  const members = [gzipSync('one'), gzipSync(sample(3000)), gzipSync(''), gzipSync(noise(900), { level: 0 })];
  const whole = Buffer.concat([Buffer.from('one'), sample(3000), noise(900)]);

  test('several members are one stream, cut anywhere', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        expect(await outcome(pieces(Buffer.concat(members), lengths))).toEqual(done(whole));
      }),
      { numRuns: 30 },
    );
  });

  test('members in chunks of their own', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* members;
    }
    expect(await outcome(source())).toEqual(done(whole));
  });

  test('a large output comes in order', async () => {
    const bytes = Buffer.concat([sample(5_000_000), noise(3_000_000)]);
    expect((await outcome(pieces(gzipSync(bytes, { level: 1 }), 300_000))).output.equals(bytes)).toBe(true);
  });

  test.each([1, 2, 511, 512, 5000])('%i zeros behind it are padding', async (zeros) => {
    for (const cut of [1, 37, 1000]) {
      const bytes = Buffer.concat([gzipSync('abc'), Buffer.alloc(zeros)]);
      expect(await outcome(pieces(bytes, cut))).toEqual(done(Buffer.from('abc')));
    }
  });

  test.each([1, 2, 7, 510, 511, 512])('%i other bytes behind it are reported', async (length) => {
    for (const cut of [1, 41, 1000]) {
      const bytes = Buffer.concat([gzipSync(sample(3000)), Buffer.alloc(length, '\n')]);
      expect(await outcome(pieces(bytes, cut))).toEqual(done(sample(3000), 'trailing-data'));
    }
  });

  test('bytes behind zeros are reported, however many', async () => {
    const bytes = Buffer.concat([gzipSync('abc'), Buffer.alloc(700), noise(70_000)]);
    expect(await outcome(pieces(bytes, 9999))).toEqual(done(Buffer.from('abc'), 'trailing-data'));
  });

  test('the position of foreign bytes is right', async () => {
    const messages: string[] = [];
    const { decompress } = await import('./index.ts');
    const gzip = gzipSync('abc');
    const source = pieces(Buffer.concat([gzip, Buffer.from('foreign')]), 10);
    for await (const _ of decompress(source, {
      layer: 'sha256:1',
      diagnose: (d) => messages.push(d.message),
    }));
    expect(messages).toEqual([
      `layer sha256:1: ignored 7 bytes after the end of the gzip data, from byte ${gzip.length}`,
    ]);
  });

  test('a long run of foreign bytes right behind a member is damage', async () => {
    const bytes = Buffer.concat([gzipSync('abc'), Buffer.alloc(5000, 'x')]);
    for (const cut of [1, 25, 9000])
      expect((await outcome(pieces(bytes, cut))).error).toBe('ERR_OCIRENDER_FORMAT');
  });

  test('every truncation is one', async () => {
    const bytes = Buffer.concat([gzipSync('one'), gzipSync(noise(100))]);
    const boundary = gzipSync('one').length;
    for (let length = 0; length < bytes.length; length++) {
      const { error } = await outcome(pieces(bytes.subarray(0, length), 50), { compression: 'gzip' });
      expect([length, error]).toEqual([length, length === boundary ? undefined : 'ERR_OCIRENDER_TRUNCATED']);
    }
  });

  test('a missing last byte is noticed whatever it was', async () => {
    for (const bytes of [gzipSync(''), gzipSync(Buffer.alloc(70_000, 0xff)), gzipSync(noise(5000))]) {
      expect((await outcome(pieces(bytes.subarray(0, -1), 1000))).error).toBe('ERR_OCIRENDER_TRUNCATED');
    }
  });

  test('CRC and length are checked', async () => {
    for (const fromEnd of [8, 5, 4, 1]) {
      const bytes = Buffer.from(gzipSync(sample(3000)));
      bytes[bytes.length - fromEnd]! ^= 1;
      expect((await outcome(pieces(bytes, 100))).error).toBe('ERR_OCIRENDER_FORMAT');
    }
  });

  test('a stream without its end marker is truncated', async () => {
    const bytes = gzipSync(sample(3000), { finishFlush: constants.Z_SYNC_FLUSH });
    expect((await outcome(pieces(bytes, 100))).error).toBe('ERR_OCIRENDER_TRUNCATED');
  });
});
