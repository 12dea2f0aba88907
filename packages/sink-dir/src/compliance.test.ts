import { readDirectory, testSink } from '../../sink-compliance/src/index.ts';
import { readXattrs } from '../test/xattrs.ts';
import { dirSink } from './sink.ts';

const isRoot = process.geteuid?.() === 0;

testSink({
  name: 'sink-dir',
  factory: () => dirSink,
  read: (path) => readDirectory(path, { xattrs: readXattrs }),
  capabilities: {
    owners: isRoot,
    // ext4 holds these; the kernel drops the nanoseconds of the very first and last second.
    timeRange: [-(2 ** 31) + 1, 2 ** 34 - 2 ** 31 - 2],
    xattrBytes: 3000,
    reproducible: false,
  },
});
