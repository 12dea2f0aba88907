import { testSink } from '../../sink-compliance/src/index.ts';
import { readOutput } from '../test/read-output.ts';
import { dirSink } from './sink.ts';

testSink({
  name: 'sink-dir',
  factory: () => dirSink,
  read: readOutput,
  capabilities: {
    // Without root the mtree file has what is missing, but that is reported as a loss all the same.
    owners: process.geteuid?.() === 0,
    // ext4 holds these; the kernel drops the nanoseconds of the very first and last second.
    timeRange: [-(2 ** 31) + 1, 2 ** 34 - 2 ** 31 - 2],
    // ext4 with 4 KiB blocks.
    xattrBytes: 3000,
    reproducible: false,
  },
});
