import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelEntry } from '../packages/overlay/src/testing/model.ts';
import { tarOf } from '../packages/overlay/src/testing/stack.ts';
import { compareTrees, FULL_CAPABILITIES, type ReadTree } from '../packages/sink-compliance/src/index.ts';
import { convertTo, SINK_NAMES, type SinkName } from './corpora/support/conversion.ts';
import { asHeld } from './support/images.ts';
import { digestOf, writeLayout } from './support/layout.ts';
import { must, run } from './support/run.ts';
import { listTree, readOutput } from './support/trees.ts';
import { umociStack } from './support/umoci-stack.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
const RUNS = Number(process.env['OCIRENDER_DIFF_RUNS'] ?? 40);
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
const SEED = process.env['OCIRENDER_DIFF_SEED'];

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

test(
  `${RUNS} random stacks of layers are what umoci makes of them, through every sink`,
  async () => {
    let accepted = 0;
    const property = fc.asyncProperty(umociStack, fc.boolean(), async (stack, isCompressed) => {
      const image = join(directory, 'image');
      try {
        await writeStack(image, stack, isCompressed);
        const reference = await unpackWithUmoci(image);
        if (reference === undefined) return;
        accepted++;
        for (const sink of SINK_NAMES) expect(await differences(sink, image, reference), sink).toEqual([]);
      } finally {
        await must('rm', ['-rf', image, join(directory, 'umoci'), ...SINK_NAMES.map(outputOf)]);
      }
    });
    await fc.assert(property, {
      numRuns: RUNS,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    });
    process.stderr.write(`umoci accepted ${accepted} of ${RUNS} stacks\n`);
    expect(accepted).toBeGreaterThan(RUNS / 20);
  },
  RUNS * 30_000,
);

function outputOf(sink: SinkName): string {
  return join(directory, `output-${sink}`);
}

async function writeStack(
  image: string,
  stack: readonly (readonly ModelEntry[])[],
  isCompressed: boolean,
): Promise<void> {
  const mediaType = `application/vnd.oci.image.layer.v1.tar${isCompressed ? '+gzip' : ''}`;
  await writeLayout(
    image,
    stack.map((entries) => {
      const tar = tarOf(entries);
      return { bytes: isCompressed ? gzipSync(tar) : tar, mediaType, diffId: digestOf(tar) };
    }),
  );
}

/** Unpacks with umoci; gives undefined for what umoci refuses, and NaN for times that it made up. */
async function unpackWithUmoci(image: string): Promise<ReadTree | undefined> {
  const target = join(directory, 'umoci');
  const began = Date.now() / 1000 - 2;
  const { code } = await run('umoci', ['raw', 'unpack', '--image', `${image}:latest`, target]);
  if (code !== 0) return undefined;
  const tree = await listTree(target);
  return new Map(
    [...tree].map(([path, entry]) => {
      const isNow = entry.mtime >= began && entry.mtime < began + 600;
      return [path, isNow ? { ...entry, mtime: Number.NaN } : entry];
    }),
  );
}

async function differences(sink: SinkName, image: string, reference: ReadTree): Promise<string[]> {
  const scratch = join(directory, 'scratch');
  await mkdir(scratch, { recursive: true });
  await convertTo(sink, image, outputOf(sink));
  const tree = await readOutput(sink, outputOf(sink), scratch);
  return compareTrees(tree, inRange(asHeld(reference, tree, sink === 'squashfs'), sink), FULL_CAPABILITIES);
}

/** "mtime: a sink that cannot hold one clamps": squashfs has 32 bits from 1970. */
function inRange(tree: ReadTree, sink: SinkName): ReadTree {
  if (sink !== 'squashfs') return tree;
  const clamp = (mtime: number): number => Math.min(Math.max(mtime, 0), 2 ** 32 - 1);
  return new Map([...tree].map(([path, entry]) => [path, { ...entry, mtime: clamp(entry.mtime) }]));
}
