import { existsSync } from 'node:fs';
import { describe, test } from 'vitest';
import { readImage, sinkChecks } from '../../../sink-compliance/src/index.ts';
import { readOutput } from '../../test/read-output.ts';
import { dirSink } from '../sink.ts';
import { openDirectory } from './directory-reader.ts';

const checks = sinkChecks({
  name: 'dir',
  factory: () => dirSink,
  // Without root some of it is in the mtree file only, which this reader does not know.
  read: async (path) =>
    existsSync(`${path}.mtree`) ? readOutput(path) : readImage(await openDirectory(path)),
  capabilities: {
    owners: process.geteuid?.() === 0,
    timeRange: [-(2 ** 31) + 1, 2 ** 34 - 2 ** 31 - 2],
    xattrBytes: 3000,
    reproducible: false,
  },
});

// The trees that every sink must keep; the rest of the contract has nothing to do with reading.
describe('what the sink writes, the reader gives back', () => {
  for (const { name, run } of checks) if (name.startsWith('keeps ')) test(name, run);
});
