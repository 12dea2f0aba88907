import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageSession, type ImageWriter } from '@ocirender/image-file';
import { type Diagnostic, isOcirenderError, type SinkSession } from '@ocirender/interface';
import { mergeLayers } from '@ocirender/overlay';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arbitraryStack } from '../../overlay/src/testing/arbitrary-stack.ts';
import type { ModelEntry } from '../../overlay/src/testing/model.ts';
import { countedLayers, file, hardlink, member } from '../../overlay/src/testing/stack.ts';
import { ErofsWriter } from '../../sink-erofs/src/writer.ts';
import { SquashfsWriter, type SquashfsWriterOptions } from '../../sink-squashfs/src/writer.ts';
import { LayerCache } from './layer-cache.ts';

const RUNS = Number(process.env['OCIRENDER_FUZZ_RUNS'] ?? 150);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-cached-work-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Makes the writer of one image. */
type MakeWriter = (path: string) => ImageWriter<unknown>;

/** Bytes that compress to some degree, the same for the same seed. */
function contentOf(seed: number, size: number): string {
  let text = '';
  for (let i = seed * 7919; text.length < size; i++) text += `${(i * 2654435761) >>> (seed % 12)} `;
  return text.slice(0, size);
}

/** Contents of a few sizes around blocks of 4096 bytes, few enough to meet again, with holes now and then. */
const content = fc
  .tuple(fc.nat(6), fc.constantFrom(1, 100, 1500, 4095, 4096, 4097, 9000, 30_000), fc.nat(12))
  .map(([seed, size, how]) => {
    if (how === 0) return { data: '\0'.repeat(size) };
    if (how === 1)
      return {
        data: contentOf(seed, 512),
        sparse: { size: 512 * 200 + size, extents: [{ offset: 512 * 50, length: 512 }] },
      };
    return { data: contentOf(seed, size) };
  });

/** A layer of many small files, some of which hide or link to others'. */
const contentLayer = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.tuple(fc.nat(20), content).map(([n, part]) => file(`f${n}`, '', part)) },
    { weight: 1, arbitrary: fc.nat(20).map((n) => member(`.wh.f${n}`)) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(20), fc.nat(20)).map(([a, b]) => hardlink(`f${a}`, `f${b}`)) },
  ),
  { maxLength: 14 },
);

const layerPool = fc.oneof(
  { weight: 4, arbitrary: fc.array(contentLayer, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: arbitraryStack },
);

interface Outcome {
  readonly image: string;
  readonly diagnostics: readonly string[];
  readonly opened: number;
}

/** Converts; gives the image, or the error. */
async function convert(
  stack: readonly ModelEntry[][],
  makeWriter: MakeWriter,
  cache?: LayerCache,
): Promise<Outcome> {
  const path = join(directory, 'image');
  const diagnostics: Diagnostic[] = [];
  const { layers, opened } = countedLayers(stack);
  const openSession = async (): Promise<SinkSession> => {
    await rm(path, { force: true });
    await rm(`${path}.tails`, { force: true });
    return new ImageSession(
      {
        output: { kind: 'file', path },
        options: {},
        threads: 1,
        signal: new AbortController().signal,
        diagnose: (diagnostic) => diagnostics.push(diagnostic),
      },
      { format: 'test', open: makeWriter, report: () => ({ bytesWritten: 0, details: {} }) },
    );
  };
  let image: string;
  try {
    await mergeLayers({
      layers,
      openSession,
      policy: { lenient: true },
      ...(cache === undefined ? {} : { cache }),
      diagnose: (diagnostic) => diagnostics.push(diagnostic),
    });
    image = (await readFile(path)).toString('latin1');
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    image = `${error.code} ${error.message}`;
  }
  const told = diagnostics
    .filter(({ code }) => code !== 'content-reread')
    .map((diagnostic) => JSON.stringify(diagnostic));
  return { image, diagnostics: told, opened: opened() };
}

/** Files of work in a cache. */
function workFiles(path: string): string[] {
  const top = join(path, 'v1');
  return (readdirSync(top, { recursive: true }) as string[])
    .map((name) => join(top, name))
    .filter((name) => !name.endsWith('.uses') && statSync(name).isFile())
    .sort();
}

const squashfs = (options: SquashfsWriterOptions): MakeWriter => {
  return (path) => new SquashfsWriter(path, { blockSize: 4096, fragmentWindow: 3, ...options });
};

const squashfsOptions = fc
  .record({
    compression: fc.constantFrom('gzip', 'gzip', 'zstd', 'lz4', 'none'),
    fragments: fc.constantFrom(true, true, true, false),
    tailPacking: fc.boolean(),
    dedupe: fc.constantFrom(true, true, true, false),
  } as const)
  .map(squashfs);

const erofsOptions = fc
  .record({
    compression: fc.constantFrom('lz4', 'lz4', 'lz4hc', 'deflate'),
    dedupe: fc.boolean(),
    clusterSize: fc.constantFrom(4096, 65_536),
  } as const)
  .map(
    (options): MakeWriter =>
      (path) =>
        new ErofsWriter(path, options),
  );

describe.each([
  ['squashfs', squashfsOptions],
  ['erofs', erofsOptions],
] as const)('%s', (name, writers) => {
  it('writes the same bytes clean, cold, warm, and when some was evicted', async () => {
    const path = join(directory, name);
    const cache = await LayerCache.open(path);
    let known = 0;
    let read = 0;
    await fc.assert(
      fc.asyncProperty(
        layerPool,
        fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
        writers,
        fc.nat(),
        async (pool, choices, makeWriter, evicted) => {
          for (const choice of [...choices, choices[0]!]) {
            const stack = choice.map((index) => pool[index % pool.length]!);
            const clean = await convert(stack, makeWriter);
            const cached = await convert(stack, makeWriter, cache);
            expect(cached.image === clean.image, 'the bytes are the same').toBe(true);
            expect(cached.diagnostics).toEqual(clean.diagnostics);
            const warm = await convert(stack, makeWriter, cache);
            expect(warm.image === clean.image, 'the bytes are the same from a warm cache').toBe(true);
            expect(warm.diagnostics).toEqual(clean.diagnostics);
            known += clean.opened - warm.opened;
            read += warm.opened;
            const files = workFiles(path);
            if (files.length > 0) rmSync(files[evicted % files.length]!);
          }
          await cache.prune({ maxBytes: 200_000 });
        },
      ),
      // Three stacks each.
      { numRuns: Math.ceil(RUNS / 3) },
    );
    expect(known).toBeGreaterThan(10 * read);
  });

  it('writes the same bytes when what is kept is damaged, and says so', async () => {
    const path = join(directory, `${name}-damaged`);
    let damaged = 0;
    await fc.assert(
      fc.asyncProperty(
        contentLayer,
        contentLayer,
        writers,
        fc.nat(),
        fc.nat(),
        async (base, top, makeWriter, which, where) => {
          await rm(path, { recursive: true, force: true });
          const told: string[] = [];
          const cache = await LayerCache.open(path, { diagnose: ({ code }) => told.push(code) });
          const clean = await convert([base, top], makeWriter, cache);
          const files = workFiles(path);
          const victim = files[which % files.length]!;
          const bytes = readFileSync(victim);
          bytes[where % bytes.length]! ^= 1 << (where % 8);
          writeFileSync(victim, bytes);
          const warm = await convert([base, top], makeWriter, cache);
          expect(warm.image === clean.image, 'the bytes are the same').toBe(true);
          expect(warm.diagnostics).toEqual(clean.diagnostics);
          damaged += told.length;
          expect(new Set(told)).toEqual(new Set(told.length > 0 ? ['cache-entry-damaged'] : []));
          const again = await convert([base, top], makeWriter, cache);
          expect(again.image === clean.image, 'the bytes are the same').toBe(true);
          expect(again.opened).toBe(0);
        },
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    );
    expect(damaged).toBeGreaterThan(RUNS / 4);
  });
});
