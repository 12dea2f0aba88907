import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isOcirenderError, type Sink } from '@ocirender/interface';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dirSink } from '../../sink-dir/src/index.ts';
import { squashfsSink } from '../../sink-squashfs/src/index.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { loadCases } from '../test/support/case-fixtures.ts';
import { arbitraryMutation, type LayoutFiles, type Mutation, mutate } from '../test/support/mutate-image.ts';
import { convert } from './convert.ts';

/** How many mutated images each sink gets; thousands by hand. */
const RUNS = Number(process.env['OCIRENDER_MUTATION_RUNS'] ?? 100);
/** Far beyond what a small image takes on a busy machine. */
const HANG_MS = 30_000;
/** A mutated size must not fill the disk of whoever runs the tests. */
const LIMITS = { totalBytes: 64 * 1024 * 1024 };

const seeds: LayoutFiles[] = [];
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => {
  rejections.push(reason);
};
let place: string;

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  place = await mkdtemp(join(tmpdir(), 'ocirender-mutation-'));
  for (const { image } of loadCases()) {
    const files = await readLayout(image.slice(0, image.lastIndexOf(':')));
    if (isSimple(files)) seeds.push(files);
  }
  expect(seeds.length).toBeGreaterThan(40);
});

afterAll(async () => {
  process.off('unhandledRejection', onRejection);
  await rm(place, { recursive: true, force: true });
});

async function readLayout(directory: string): Promise<LayoutFiles> {
  const files: LayoutFiles = new Map();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(directory.length + 1), await readFile(path));
  }
  return files;
}

/** One manifest, whose blobs are all there: what the mutations know how to repair. */
function isSimple(files: LayoutFiles): boolean {
  try {
    for (const target of ['manifest', 'config', 'tar'] as const) {
      mutate(files, {
        target,
        layer: 0,
        repair: true,
        checksums: false,
        edits: [{ kind: 'flip', at: 0.5, length: 1, value: 0 }],
      });
    }
    return true;
  } catch {
    return false;
  }
}

async function writeLayout(files: LayoutFiles, directory: string): Promise<void> {
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), bytes);
  }
}

/** Converts a mutated image; throws unless it gives a tree or a typed error and leaves nothing else. */
async function survive(files: LayoutFiles, mutation: Mutation, sink: Sink): Promise<string> {
  const work = await mkdtemp(join(place, 'run-'));
  const layout = join(work, 'image');
  const outputs = join(work, 'outputs');
  try {
    await writeLayout(mutate(files, mutation), layout);
    await mkdir(outputs);
    const converting = convert({
      image: layout,
      sink,
      output: join(outputs, 'output'),
      threads: 1,
      limits: LIMITS,
    }).then(
      () => 'a tree',
      (error: unknown) => {
        if (!isOcirenderError(error)) throw error;
        return error.code;
      },
    );
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const hang = new Promise<never>((_, reject) => {
      watchdog = setTimeout(() => reject(new Error(`no result within ${HANG_MS} ms`)), HANG_MS);
    });
    const result = await Promise.race([converting, hang]).finally(() => clearTimeout(watchdog));
    const left = (await readdir(outputs)).sort();
    const allowed = result === 'a tree' ? [['output'], ['output', 'output.mtree']] : [[]];
    expect(allowed).toContainEqual(left);
    expect(rejections).toEqual([]);
    return result;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

test.each([squashfsSink, tarSink, dirSink].map((sink): [string, Sink] => [sink.name, sink]))(
  'a mutated image gives a tree or a typed error: %s',
  async (_, sink) => {
    const results = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.nat(), arbitraryMutation, async (seed, mutation) => {
        const result = await survive(seeds[seed % seeds.length]!, mutation, sink);
        results.set(result, (results.get(result) ?? 0) + 1);
      }),
      { numRuns: RUNS },
    );
    if (process.env['OCIRENDER_MUTATION_RUNS'] !== undefined)
      console.log(sink.name, Object.fromEntries(results));
    expect(results.get('a tree')).toBeGreaterThan(RUNS / 20);
    expect(results.size).toBeGreaterThan(4);
  },
  3_600_000,
);
