import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES } from '../packages/sink-compliance/src/index.ts';
import { convertWithCli, node24 } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { must } from './support/run.ts';
import { isDue } from './support/sample.ts';
import { readOutput } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

let directory: string;
let newerNode: string;
let isSameZlib: boolean;

beforeAll(async () => {
  await ensureImages(['debian', 'python']);
  directory = await makeDirectory();
  newerNode = await node24();
  isSameZlib = (await must(newerNode, ['-p', 'process.versions.zlib'])).trim() === process.versions['zlib'];
});

afterAll(() => removeDirectory(directory));

test.each([
  // The large image has its turn in every fifth run.
  ['squashfs', isDue(0, 5) ? 'python' : 'debian', []],
  ['squashfs', 'debian', ['-O', 'compression=gzip']],
  ['ext4', 'debian', []],
  ['tar', 'debian', []],
])('%s of %s %j: the same bytes twice, and with 1 and 4 threads', async (sink, image, options) => {
  const digests = new Set<string>();
  for (const threads of ['1', '4', '4']) {
    const output = join(directory, 'output');
    await convertWithCli(join(IMAGE_DIRECTORY, image), sink, output, [
      '--threads',
      threads,
      '--replace-directory',
      ...options,
    ]);
    digests.add(await fileDigest(output));
  }
  expect([...digests]).toHaveLength(1);
});

const CODECS: readonly [sink: string, options: readonly string[], isSameCodec: () => boolean][] = [
  ['tar', [], () => true],
  ['ext4', [], () => true],
  ['squashfs', ['-O', 'compression=none'], () => true],
  // zlib of other versions compresses otherwise; so does zstd, which is not the same library on both.
  ['squashfs', ['-O', 'compression=gzip'], () => isSameZlib],
  ['squashfs', ['-O', 'compression=zstd'], () => false],
];

test.each(CODECS)(
  '%s %j on Node 20 and 24: equal bytes by equal codecs, equal trees always',
  async (...args) => {
    const [sink, options, isSameCodec] = args;
    const image = join(IMAGE_DIRECTORY, 'debian');
    const outputs = [join(directory, 'by-20'), join(directory, 'by-24')] as const;
    await convertWithCli(image, sink, outputs[0], ['--replace-directory', ...options]);
    await convertWithCli(image, sink, outputs[1], ['--replace-directory', ...options], newerNode);
    if ((await fileDigest(outputs[0])) === (await fileDigest(outputs[1]))) return;
    expect(isSameCodec()).toBe(false);
    const tree = await readOutput(sink, outputs[0], directory);
    expect(tree.size).toBeGreaterThan(1000);
    expect(compareTrees(await readOutput(sink, outputs[1], directory), tree, FULL_CAPABILITIES)).toEqual([]);
  },
);
