import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { fixture, noise, outcome, pieces, sample, zstd } from '../test/support/streams.ts';
import { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import { completeLimits, type DecompressLimits } from './limits.ts';
import { unzstdByBlocks } from './zstd.ts';
import { decompressFrameByBlocks } from './zstd-fallback.ts';

function skippable(length: number, kind = 0): Buffer {
  const header = Buffer.from([0x50 + kind, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  header.writeUInt32LE(length, 4);
  return Buffer.concat([header, noise(length)]);
}

/** A frame of blocks as they are given, with an 8-byte content size when there is one. */
function frame(blocks: readonly Buffer[], contentSize?: bigint, window = 0x58): Buffer {
  const head = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, contentSize === undefined ? 0 : 0xc0, window])];
  if (contentSize !== undefined) {
    head.push(Buffer.alloc(8));
    head[1]!.writeBigUInt64LE(contentSize);
  }
  return Buffer.concat([...head, ...blocks]);
}

function rleBlock(size: number, last: boolean): Buffer {
  const block = Buffer.alloc(4);
  block.writeUIntLE(size * 8 + 2 + (last ? 1 : 0), 0, 3);
  return block;
}

function contextOf(limits: Partial<DecompressLimits>): CodecContext {
  const ignore = (): void => {};
  return {
    limits: completeLimits(limits),
    signal: undefined,
    what: 'test',
    diagnose: ignore,
    ring: undefined,
    count: ignore,
    admit: ignore,
  };
}

/** What Node < 22.15 does, on any Node. */
async function byBlocks(
  bytes: Uint8Array,
  limits: Partial<DecompressLimits> = {},
  cut = 1000,
): Promise<Buffer> {
  const context = contextOf(limits);
  const chunks: Uint8Array[] = [];
  for await (const chunk of unzstdByBlocks(new ByteInput(pieces(bytes, cut)), context)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('zstd', () => {
  let multi: Buffer;
  const whole = Buffer.concat([sample(3000), noise(400_000), Buffer.from('end')]);

  beforeAll(async () => {
    multi = Buffer.concat([
      skippable(10),
      await zstd(sample(3000)),
      skippable(0, 15),
      skippable(300),
      await zstd(noise(400_000)),
      await zstd(Buffer.alloc(0)),
      await zstd(Buffer.from('end')),
      skippable(5),
    ]);
  });

  test('frames and skippable frames are one stream, cut anywhere', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 4000 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        const found = await outcome(pieces(multi, lengths));
        expect([found.error, found.diagnostics, found.output.equals(whole)]).toEqual([undefined, [], true]);
      }),
      { numRuns: 40 },
    );
  });

  test('byte by byte', async () => {
    const bytes = Buffer.concat([await zstd(sample(300)), skippable(3), await zstd(sample(20))]);
    expect((await outcome(pieces(bytes, 1))).output).toEqual(Buffer.concat([sample(300), sample(20)]));
  });

  test('raw and RLE blocks, an empty last block', async () => {
    const raw = Buffer.concat([Buffer.from([5 * 8, 0, 0]), Buffer.from('hello')]);
    const bytes = frame([raw, rleBlock(4, false), Buffer.from([1, 0, 0])]);
    expect((await outcome(pieces(bytes, 1))).output.toString('latin1')).toBe('hello\0\0\0\0');
  });

  test('skippable frames alone are an empty stream', async () => {
    expect(await outcome(pieces(skippable(9), 4))).toEqual({
      output: Buffer.alloc(0),
      error: undefined,
      diagnostics: [],
    });
  });

  test('but foreign bytes behind them are not zstd', async () => {
    const bytes = Buffer.concat([skippable(9), Buffer.from('foreign')]);
    expect((await outcome(pieces(bytes, 4))).error).toBe('ERR_OCIRENDER_FORMAT');
  });

  test('zeros behind it are padding, other bytes are reported', async () => {
    const bytes = await zstd(sample(30));
    expect((await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(999)]), 9))).diagnostics).toEqual([]);
    const found = await outcome(pieces(Buffer.concat([bytes, Buffer.alloc(9), noise(9999)]), 99));
    expect(found).toEqual({ output: sample(30), error: undefined, diagnostics: ['trailing-data'] });
  });

  test('every truncation is one', async () => {
    const first = await zstd(sample(40));
    const bytes = Buffer.concat([first, skippable(7), await zstd(noise(200))]);
    const boundaries = [first.length, first.length + 15, bytes.length];
    for (let length = 0; length <= bytes.length; length++) {
      const { error } = await outcome(pieces(bytes.subarray(0, length), 50), { compression: 'zstd' });
      const expected = boundaries.includes(length) ? undefined : 'ERR_OCIRENDER_TRUNCATED';
      expect([length, error]).toEqual([length, expected]);
    }
  });

  test('a long window is read', async () => {
    const bytes = fixture('sample-3000-window-256mib.zst');
    expect((await outcome(pieces(bytes, 50))).output).toEqual(sample(3000));
    expect(await byBlocks(bytes)).toEqual(sample(3000));
  });

  test('a window beyond the limit is refused', async () => {
    const bytes = fixture('sample-3000-window-256mib.zst');
    const found = await outcome(pieces(bytes, 50), { limits: { maxWindowBytes: 2 ** 27 } });
    expect(found.error).toBe('ERR_OCIRENDER_LIMIT');
    const huge = frame([rleBlock(1, true)], undefined, 0xff);
    await expect(byBlocks(huge)).rejects.toMatchObject({ limit: 'maxWindowBytes', maximum: 2 ** 31 });
  });

  test.each([
    ['reserved header bit', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x08, 0x58, 1, 0, 0])],
    ['reserved block type', frame([Buffer.from([7, 0, 0])])],
    ['too long a block', frame([Buffer.from([0xff, 0xff, 0xff])])],
    ['content size that is wrong', frame([rleBlock(4, true)], 5n)],
    ['unknown dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 9, 1, 0, 0])],
  ])('%s is damage', async (_, bytes) => {
    expect((await outcome(pieces(bytes, 50))).error).toBe('ERR_OCIRENDER_FORMAT');
  });

  test('a wrong checksum is damage', async () => {
    const bytes = Buffer.from(fixture('sample-3000-window-256mib.zst'));
    bytes[bytes.length - 1]! ^= 1;
    expect((await outcome(pieces(bytes, 50))).error).toBe('ERR_OCIRENDER_FORMAT');
  });
});

describe('zstd block by block (Node < 22.15)', () => {
  const damaged = { code: 'ERR_OCIRENDER_FORMAT' };

  test('reads the same, cut anywhere', async () => {
    const bytes = Buffer.concat([
      await zstd(sample(3000)),
      skippable(7),
      await zstd(noise(200)),
      await zstd(sample(900_000)),
      await zstd(Buffer.alloc(0)),
    ]);
    const whole = Buffer.concat([sample(3000), noise(200), sample(900_000)]);
    for (const cut of [7, 1000, 1 << 20]) expect((await byBlocks(bytes, {}, cut)).equals(whole)).toBe(true);
  });

  test('a block at a time: what a consumer does not ask for is not decompressed', async () => {
    let read = 0;
    const context = contextOf({});
    // As long a frame as there are blocks; no frame is too long.
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      yield frame([], undefined, 0x38);
      for (; read < 100_000; read++) yield rleBlock(131_072, false);
    })();
    const reading = unzstdByBlocks(new ByteInput(source), context);
    for (let chunks = 1; chunks < 100; chunks++) {
      expect((await reading.next()).value).toHaveLength(131_072);
      expect(read).toBeLessThan(chunks + 10);
    }
    await reading.return(undefined);
  });

  test.each([
    ['a content size that is too small', frame([rleBlock(4, true)], 5n)],
    ['a content size that is too large', frame([rleBlock(6, true)], 5n)],
    ['a dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 9, 1, 0, 0])],
    ['a reserved block type', frame([Buffer.from([7, 0, 0])])],
    ['too long a block', frame([Buffer.from([0xff, 0xff, 0xff])])],
    ['too short a compressed block', frame([Buffer.from([0x0d, 0, 0, 0])])],
    ['a block of noise', frame([Buffer.concat([Buffer.from([0x45, 0x1f, 0]), noise(1000)])])],
  ])('%s is damage', async (_, bytes) => {
    await expect(byBlocks(bytes)).rejects.toMatchObject(damaged);
  });

  test('every truncation is one', async () => {
    const bytes = await zstd(sample(400));
    for (let length = 1; length < bytes.length; length++)
      await expect(byBlocks(bytes.subarray(0, length))).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_TRUNCATED',
      });
  });

  test('with a checksum, any changed byte is damage or a limit, and never other contents', async () => {
    const good = Buffer.from(fixture('sample-3000-window-256mib.zst'));
    // A window of 1 MiB will do.
    good[5] = 10 << 3;
    for (let at = 4; at < good.length; at++) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 0x5a;
      const found = await byBlocks(bytes).catch((error: { code: string }) => error.code);
      if (typeof found === 'string')
        expect([at, found]).toEqual([at, expect.stringMatching(/^ERR_OCIRENDER_/)]);
      else expect([at, found.equals(sample(3000))]).toEqual([at, true]);
    }
  });

  test('a window that is too large is none for a smaller content, known or not', async () => {
    // 256 MiB; what the library gets at most is 1 MiB here.
    const window = 18 << 3;
    const read = async (bytes: Uint8Array): Promise<number> => {
      const context = contextOf({});
      let size = 0;
      for await (const chunk of decompressFrameByBlocks(new ByteInput(pieces(bytes, 99)), context, 2 ** 20))
        size += chunk.length;
      return size;
    };
    const blocks = (count: number): Buffer =>
      frame(
        [...Array.from({ length: count }, () => rleBlock(131_072, false)), rleBlock(1, true)],
        undefined,
        window,
      );
    expect(await read(frame([rleBlock(4, true)], 4n, window))).toBe(4);
    expect(await read(blocks(7))).toBe(7 * 131_072 + 1);
    await expect(read(blocks(8))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining('needs a zstd window of 268435456 bytes') as string,
      hint: expect.stringContaining('Node >= 22.15') as string,
    });
  });
});
