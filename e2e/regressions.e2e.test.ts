import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES } from '../packages/sink-compliance/src/index.ts';
import { convertTo, SINK_NAMES } from './corpora/support/conversion.ts';
import { asHeld, umociTree } from './support/images.ts';
import { readOutput } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const REGRESSIONS = fileURLToPath(new URL('fixtures/regressions', import.meta.url));

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

test.each(SINK_NAMES)('every byte of a file whose blocks Linux could not read, through %s', async (sink) => {
  const image = join(REGRESSIONS, 'squashfs-zstd-eio/image');
  const output = join(directory, `output-${sink}`);
  await convertTo(sink, image, output);
  // GNU tar, as opposed to umoci, cuts the hole at the end of the file off.
  const expected = await umociTree(image, join(directory, `umoci-${sink}`));
  const tree = await readOutput(sink, output, directory);
  expect(compareTrees(tree, asHeld(expected, tree, sink === 'squashfs'), FULL_CAPABILITIES)).toEqual([]);
});
