import * as zlib from 'node:zlib';
import { FormatError, OcirenderError } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { compressed, fixture, noise, outcome, pieces, sample, xz, zstd } from '../test/support/streams.ts';
import { type Compression, decompress } from './index.ts';

const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'zstd', 'bzip2', 'xz', 'lzma'];

/** A source that tells how it is used. */
class Source implements AsyncIterableIterator<Uint8Array> {
  pulled = 0;
  closed = 0;
  readonly #chunks: Iterator<Uint8Array>;
  readonly #last: () => Promise<IteratorResult<Uint8Array>>;

  constructor(chunks: Iterable<Uint8Array>, last?: () => Promise<IteratorResult<Uint8Array>>) {
    this.#chunks = chunks[Symbol.iterator]();
    this.#last = last ?? (async () => ({ done: true, value: undefined }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const { done, value } = this.#chunks.next();
    if (done === true) return await this.#last();
    this.pulled++;
    return { done: false, value: value as Uint8Array };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.closed++;
    return { done: true, value: undefined };
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe.each(COMPRESSIONS)('%s', (compression) => {
  test('round trip', async () => {
    const found = await outcome(pieces(await compressed(compression), 100), { compression });
    expect(found).toEqual({ output: sample(3000), error: undefined, diagnostics: [] });
  });

  test('an error of the source passes unchanged', async () => {
    const error = new Error('network');
    const bytes = await compressed(compression);
    const source = new Source([bytes.subarray(0, 60)], () => Promise.reject(error));
    const reading = (async () => {
      for await (const _ of decompress(source, { compression }));
    })();
    await expect(reading).rejects.toBe(error);
  });

  test('an error of the source at its end passes unchanged', async () => {
    const error = new OcirenderError('ERR_OCIRENDER_SIZE_MISMATCH', 'too long');
    const source = new Source([await compressed(compression)], () => Promise.reject(error));
    const reading = (async () => {
      for await (const _ of decompress(source, { compression }));
    })();
    await expect(reading).rejects.toBe(error);
  });

  test('abort while the source is silent', async () => {
    const bytes = await compressed(compression);
    const controller = new AbortController();
    const source = new Source([bytes.subarray(0, 60)], never);
    const reading = outcome(source, { compression, signal: controller.signal });
    await turns(5);
    controller.abort(new Error('enough'));
    expect((await reading).error).toBe('ERR_OCIRENDER_ABORTED');
    expect(source.closed).toBe(1);
  });

  test('abort before the start', async () => {
    const source = new Source([await compressed(compression)]);
    const found = await outcome(source, { compression, signal: AbortSignal.abort() });
    expect(found.error).toBe('ERR_OCIRENDER_ABORTED');
    expect(source.pulled).toBe(0);
  });

  test('an early return closes the source', async () => {
    const bytes = await compressed(compression);
    const source = new Source([bytes, ...slices(Buffer.alloc(5_000_000), 100_000)]);
    for await (const _ of decompress(source, { compression })) break;
    expect(source.closed).toBe(1);
  });

  test('damaged data: the source is read to its end and gets to speak first', async () => {
    if (compression === 'none') return;
    const bytes = Buffer.from(await compressed(compression));
    if (compression === 'zstd') bytes[4]! |= 0x08;
    else bytes.fill(0xee, 20, 60);
    const mismatch = new OcirenderError('ERR_OCIRENDER_DIGEST_MISMATCH', 'digest');
    const tail = Array.from({ length: 20 }, () => noise(1000));
    const telling = new Source([bytes, ...tail], () => Promise.reject(mismatch));
    const reading = (async () => {
      for await (const _ of decompress(telling, { compression }));
    })();
    await expect(reading).rejects.toBe(mismatch);
    const silent = new Source([bytes, ...tail]);
    const found = await outcome(silent, { compression });
    expect(found.error).toBe('ERR_OCIRENDER_FORMAT');
    expect(silent.pulled).toBe(21);
  });

  test('maxOutputBytes', async () => {
    const bytes = await compressed(compression);
    const within = await outcome(pieces(bytes, 100), { compression, limits: { maxOutputBytes: 3000 } });
    expect(within.error).toBeUndefined();
    const reading = (async () => {
      for await (const _ of decompress(pieces(bytes, 100), {
        compression,
        limits: { maxOutputBytes: 2999 },
      }));
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'maxOutputBytes',
      maximum: 2999,
    });
  });
});

describe('back-pressure', () => {
  test.each<Compression>(['none', 'gzip', 'zstd', 'xz'])(
    '%s: a stalled consumer stalls the source',
    async (compression) => {
      const compress = { none: (b: Buffer) => b, gzip: zlib.gzipSync, zstd, xz }[compression as 'gzip'];
      const bytes = await compress(noise(5_000_000));
      const source = new Source(slices(bytes, 100_000));
      let length = 0;
      let stalled = false;
      for await (const chunk of decompress(source, { compression })) {
        length += chunk.length;
        if (stalled) continue;
        stalled = true;
        await turns(200);
        expect(source.pulled).toBeLessThan(45);
      }
      expect(length).toBe(5_000_000);
    },
  );

  test('a chunk does not change before the next one is asked for', async () => {
    const expected = Buffer.concat([noise(4_000_000), sample(3_000_000)]);
    let at = 0;
    for await (const chunk of decompress(pieces(zlib.gzipSync(expected), 70_000))) {
      if (at < 2_000_000) await turns(20);
      expect(expected.subarray(at, at + chunk.length).equals(chunk)).toBe(true);
      at += chunk.length;
    }
    expect(at).toBe(expected.length);
  });

  test('an abort reaches a consumer that is slow', async () => {
    const controller = new AbortController();
    const source = new Source(slices(zlib.gzipSync(noise(9_000_000)), 50_000));
    const reading = (async () => {
      for await (const _ of decompress(source, { signal: controller.signal })) {
        controller.abort();
        await turns(3);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    expect(source.closed).toBe(1);
  });
});

describe('limits', () => {
  test('maxRatio is looked at beyond 64 MiB', async () => {
    const zeros = zlib.gzipSync(Buffer.alloc(90_000_000), { level: 1 });
    let small = 0;
    for await (const chunk of decompress(
      pieces(zlib.gzipSync(Buffer.alloc(60_000_000), { level: 1 }), 9999),
      {
        limits: { maxRatio: 10 },
      },
    )) {
      small += chunk.length;
    }
    expect(small).toBe(60_000_000);
    const reading = (async () => {
      for await (const _ of decompress(pieces(zeros, 9999), { limits: { maxRatio: 100 } }));
    })();
    await expect(reading).rejects.toMatchObject({ limit: 'maxRatio', maximum: 100 });
  });

  test('a limit must be above 0', async () => {
    for (const value of [0, -1, Number.NaN]) {
      const found = await outcome(pieces(Buffer.alloc(9), 9), { limits: { maxRatio: value } });
      expect(found.error).toBe('ERR_OCIRENDER_USAGE');
    }
  });
});

describe('a consumer that stops in mid-stream is no end of the data', () => {
  const bytes = noise(3_000_000);

  test.each(['gzip', 'zstd'] as const)('%s: nothing is reported', async (compression) => {
    const stored = compression === 'gzip' ? zlib.gzipSync(bytes, { level: 1 }) : await zstd(bytes);
    for (let moment = 0; moment < 40; moment++) {
      const codes: string[] = [];
      const stop = new AbortController();
      const byAbort = moment % 2 === 0;
      const stream = decompress(pieces(stored, 50_000), {
        diagnose: ({ code }) => codes.push(code),
        ...(byAbort ? { signal: stop.signal } : {}),
      });
      await stream.next();
      for (let turn = 0; turn < moment / 2; turn++) await new Promise(setImmediate);
      if (byAbort) {
        stop.abort();
        await expect(stream.next()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
      } else {
        await stream.return(undefined);
      }
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(codes).toEqual([]);
    }
  });
});

test('two bzip2 streams at the same time', async () => {
  const bytes = fixture('sample-350000-level1.bz2');
  const found = await Promise.all([outcome(pieces(bytes, 1000)), outcome(pieces(bytes, 3000))]);
  for (const { output } of found) expect(output.equals(sample(350_000))).toBe(true);
});

test('messages name the layer, errors say where', async () => {
  const reading = (async () => {
    for await (const _ of decompress(pieces(Buffer.from('1f8b08ff', 'hex'), 9), { layer: 'sha256:abc' }));
  })();
  const error = await reading.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FormatError);
  expect(error).toMatchObject({ message: expect.stringContaining('layer sha256:abc') as string });
});

function* slices(bytes: Buffer, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
