import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Diagnostic, DigestMismatchError, type Layer, OcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compressed, fixture, noise, pieces, sample, xz, zstd } from '../../test/support/streams.ts';
import { type Compression, InputThreads } from '../index.ts';
import type { LayerInput, LayerInputOptions } from './layer-input.ts';

const LIMITS = { maxOutputBytes: 1e9, maxRatio: 1e5, maxWindowBytes: 1e9 };
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Reads every layer in threads; the other one none. */
const threads = new InputThreads({ from: 0 });
const here = new InputThreads({ from: Number.POSITIVE_INFINITY });
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-input-'));
});
afterAll(async () => {
  await threads.end();
  await rm(directory, { recursive: true });
});

/** A layer that comes in pieces, as from a registry. */
function fed(bytes: Uint8Array, cuts: number | readonly number[] = 65_536): Layer {
  const layer = { digest: digestOf(bytes), size: bytes.length, diffId: 'sha256:' };
  return { ...layer, open: () => pieces(bytes, cuts) };
}

let files = 0;
/** A layer that lies in a file, behind other bytes. */
async function inFile(bytes: Uint8Array, more: Partial<Layer> = {}): Promise<Layer> {
  const path = join(directory, `${files++}`);
  await writeFile(path, Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]));
  return {
    ...fed(bytes),
    open: () => {
      throw new Error('the file is read by the thread');
    },
    openFile: async () => {
      const handle = await open(path);
      return {
        fd: handle.fd,
        position: 6,
        size: bytes.length,
        what: `layer in ${path}`,
        close: () => handle.close(),
      };
    },
    ...more,
  };
}

interface Outcome {
  readonly output: Buffer;
  readonly error: string | undefined;
  readonly diagnostics: readonly string[];
  readonly digest: string | undefined;
  readonly stored: number;
}

async function read(
  machinery: InputThreads,
  layer: Layer,
  options: Partial<LayerInputOptions> = {},
): Promise<Outcome> {
  const diagnostics: Diagnostic[] = [];
  let stored = 0;
  const input = machinery.open(layer, {
    limits: LIMITS,
    diagnose: (diagnostic) => void diagnostics.push(diagnostic),
    onBytes: (bytes) => {
      stored = bytes;
    },
    ...options,
  });
  const chunks: Buffer[] = [];
  let error: unknown;
  let digest: string | undefined;
  try {
    for (let bytes = await input.next(); bytes !== undefined; bytes = await input.next())
      chunks.push(Buffer.from(bytes));
    await input.drainStored(Number.POSITIVE_INFINITY);
    digest = await input.tarDigest();
  } catch (thrown) {
    if (!(thrown instanceof OcirenderError)) throw thrown;
    error = thrown;
  } finally {
    await input.close();
  }
  const messages = diagnostics.map(({ code, message }) => `${code} ${message}`);
  return {
    output: Buffer.concat(chunks),
    error: (error as OcirenderError | undefined)?.code,
    diagnostics: messages,
    digest,
    stored,
  };
}

/** Expects of the threads what reading in the calling thread gives. */
async function expectTheSame(layer: Layer, options: Partial<LayerInputOptions> = {}): Promise<Outcome> {
  const threaded = await read(threads, layer, options);
  const local = await read(here, layer, options);
  expect({ ...threaded, output: 0, stored: 0 }).toEqual({ ...local, output: 0, stored: 0 });
  const [short, long] = [threaded.output, local.output].sort((a, b) => a.length - b.length) as [
    Buffer,
    Buffer,
  ];
  // Up to an error either may have given more.
  if (local.error === undefined) expect(short.length).toBe(long.length);
  expect(long.subarray(0, short.length).equals(short)).toBe(true);
  return threaded;
}

const BIG = Buffer.concat([sample(3_000_000), noise(900_000), Buffer.alloc(2_000_000)]);
const STREAMS: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
  'a plain tar': () => BIG,
  nothing: () => Buffer.alloc(0),
  gzip: () => gzipSync(BIG),
  'gzip of several members': () => Buffer.concat([gzipSync('one'), gzipSync(BIG), gzipSync('')]),
  'gzip with zeros behind': () => Buffer.concat([gzipSync(BIG), Buffer.alloc(5000)]),
  'gzip with other bytes behind': () => Buffer.concat([gzipSync(BIG), Buffer.from('foreign')]),
  'gzip of exactly one slot': () => gzipSync(noise(256 * 1024)),
  zstd: () => zstd(BIG),
  'zstd of several frames': async () =>
    Buffer.concat([await zstd(BIG), Buffer.from('502a4d1803000000616263', 'hex'), await zstd(sample(7))]),
  'zstd with other bytes behind': async () => Buffer.concat([await zstd(BIG), Buffer.from('foreign')]),
  bzip2: () => fixture('sample-350000-level1.bz2'),
  xz: () => xz(BIG),
  lzma: () => fixture('sample-3000.lzma'),
};

describe.each(Object.entries(STREAMS))('%s', (_name, make) => {
  test('whole and cut, from a file and fed', async () => {
    const bytes = await make();
    const outcome = await expectTheSame(fed(bytes));
    expect(outcome.error).toBeUndefined();
    expect(outcome.digest).toBe(digestOf(outcome.output));
    expect(outcome.stored).toBe(bytes.length);
    for (const cuts of [[1, 2, 3, 1, 700], [300_000]]) await expectTheSame(fed(bytes, cuts));
    const isXz = /xz|lzma/.test(_name);
    const file = await inFile(bytes, isXz ? { open: () => pieces(bytes, 9999) } : {});
    const again = await read(threads, file);
    expect(again.output.equals(outcome.output)).toBe(true);
    expect({ ...again, output: 0 }).toEqual({ ...outcome, output: 0 });
  });

  test('cut short anywhere', async () => {
    const bytes = await make();
    for (let parts = 1; parts < 12; parts++) {
      await expectTheSame(fed(bytes.subarray(0, Math.floor((bytes.length * parts) / 12))));
    }
    for (let missing = 1; missing < 10; missing++) {
      await expectTheSame(fed(bytes.subarray(0, Math.max(0, bytes.length - missing))));
    }
  });
});

describe('damage', () => {
  test.each<Compression>(['gzip', 'zstd', 'bzip2'])('any changed bytes of %s', async (compression) => {
    const bytes = await compressed(compression);
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(changes, fc.integer({ min: 1, max: 900 }), async (list, cut) => {
        const damaged = Buffer.from(bytes);
        for (const [at, change] of list) damaged[at % damaged.length]! ^= change;
        await expectTheSame(fed(damaged, cut));
      }),
      { numRuns: 60 },
    );
  });

  test('a wrong digest beats it, in a file and fed', async () => {
    const bytes = gzipSync(noise(2_000_000));
    bytes[1_000_000]! ^= 1;
    const file = await inFile(bytes);
    expect((await read(threads, file)).error).toBe('ERR_OCIRENDER_FORMAT');
    expect((await read(threads, { ...file, digest: digestOf(sample(1)) })).error).toBe(
      'ERR_OCIRENDER_DIGEST_MISMATCH',
    );
    const mismatch = new DigestMismatchError('blob', 'sha256:a', 'sha256:b');
    const source = {
      ...fed(bytes),
      async *open() {
        yield* pieces(bytes, 100_000);
        throw mismatch;
      },
    };
    const input = threads.open(source, { limits: LIMITS, diagnose: () => {} });
    await expect(readAll(input)).rejects.toBe(mismatch);
    await input.close();
  });

  test('a file that is too short or too long, or cannot be read', async () => {
    const bytes = gzipSync(noise(1000));
    const file = await inFile(bytes);
    expect((await read(threads, { ...file, size: bytes.length + 1 })).error).toBe(
      'ERR_OCIRENDER_SIZE_MISMATCH',
    );
    expect((await read(threads, { ...file, size: bytes.length - 1 })).error).toBe(
      'ERR_OCIRENDER_SIZE_MISMATCH',
    );
    const place = await open(directory);
    const stored = { fd: place.fd, position: 0, size: 100, what: 'layer', close: () => place.close() };
    const input = threads.open(
      { ...file, openFile: () => Promise.resolve(stored) },
      { limits: LIMITS, diagnose: () => {} },
    );
    await expect(readAll(input)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      message: expect.stringContaining('layer cannot be read: EISDIR') as unknown,
      cause: { code: 'EISDIR' },
    });
    await input.close();
  });

  test('limits', async () => {
    const bytes = gzipSync(Buffer.alloc(80_000_000));
    const limits = (more: object): object => ({ limits: { ...LIMITS, ...more } });
    expect((await expectTheSame(fed(bytes), limits({ maxOutputBytes: 1_000_000 }))).error).toBe(
      'ERR_OCIRENDER_LIMIT',
    );
    expect((await expectTheSame(fed(bytes), limits({ maxRatio: 20 }))).error).toBe('ERR_OCIRENDER_LIMIT');
    const zst = fixture('sample-3000-window-256mib.zst');
    expect((await expectTheSame(fed(zst), limits({ maxWindowBytes: 1e6 }))).error).toBe(
      'ERR_OCIRENDER_LIMIT',
    );
  });
});

async function readAll(input: LayerInput): Promise<void> {
  while ((await input.next()) !== undefined);
}

describe('an end before the end', () => {
  const bytes = gzipSync(noise(9_000_000), { level: 1 });

  test.each([0, 1, 2, 13, 20])('closed after %i pieces, and the next layer is read', async (count) => {
    for (const layer of [fed(bytes), await inFile(bytes)]) {
      const input = threads.open(layer, { limits: LIMITS, diagnose: () => {} });
      for (let i = 0; i < count; i++) await input.next();
      await input.close();
      expect((await read(threads, fed(gzipSync('next')))).output.toString()).toBe('next');
    }
  });

  test('stored bytes are read on without being decompressed, and checked', async () => {
    const right = await inFile(bytes);
    for (const count of [0, 1, 14]) {
      for (const digest of [right.digest, digestOf(sample(2))]) {
        const input = threads.open({ ...right, digest }, { limits: LIMITS, diagnose: () => {} });
        for (let i = 0; i < count; i++) await input.next();
        const draining = input.drainStored(bytes.length);
        if (digest === right.digest) await draining;
        else await expect(draining).rejects.toBeInstanceOf(DigestMismatchError);
        await input.close();
      }
    }
  });

  test('a source that never ends is drained as far as was asked', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        await turn();
        yield noise(100_000);
      }
    }
    const input = threads.open({ ...fed(bytes), open: endless }, { limits: LIMITS, diagnose: () => {} });
    await input.next();
    await input.drainStored(1_000_000);
    await input.close();
  });

  test('a signal ends a wait for a source that is silent', async () => {
    const controller = new AbortController();
    let opened: AbortSignal | undefined;
    const layer: Layer = {
      ...fed(bytes),
      async *open(options) {
        opened = options?.signal;
        yield bytes.subarray(0, 1000);
        await new Promise<void>((resolve) =>
          options!.signal!.addEventListener('abort', () => resolve(), { once: true }),
        );
        throw new OcirenderError('ERR_OCIRENDER_ABORTED', 'the source has heard of it');
      },
    };
    const input = threads.open(layer, { limits: LIMITS, diagnose: () => {}, signal: controller.signal });
    const reading = readAll(input);
    setTimeout(() => controller.abort(new Error('enough')), 30);
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
      cause: { message: 'enough' },
    });
    await input.close();
    expect(opened?.aborted).toBe(true);
  });

  test('a signal while a full ring waits for its reader', async () => {
    const controller = new AbortController();
    const input = threads.open(await inFile(bytes), {
      limits: LIMITS,
      diagnose: () => {},
      signal: controller.signal,
    });
    await input.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort();
    await expect(readAll(input)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    await input.close();
  });
});

test('two layers at a time: the second one is read here', async () => {
  const first = threads.open(fed(gzipSync(noise(900_000))), { limits: LIMITS, diagnose: () => {} });
  await first.next();
  expect((await read(threads, fed(gzipSync('second')))).output.toString()).toBe('second');
  await first.close();
});

test('a thread that ends before its time is an error, not a wait', async () => {
  const machinery = new InputThreads({ from: 0 });
  const input = machinery.open(
    { ...fed(gzipSync('a')), diffId: 'no-such-algorithm:00' },
    { limits: LIMITS, diagnose: () => {} },
  );
  await expect(readAll(input).then(() => input.tarDigest())).rejects.toThrow('an input thread failed');
  await input.close();
  await machinery.end();
});

test('nothing is left behind that would keep the process', async () => {
  const machinery = new InputThreads({ from: 0 });
  await read(machinery, fed(gzipSync('a')));
  await machinery.end();
  expect(
    process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length,
  ).toBeLessThanOrEqual(
    // Those of the test file's own threads, and vitest's.
    4,
  );
});
