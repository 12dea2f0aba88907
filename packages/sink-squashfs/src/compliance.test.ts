import { readSquashfs } from '../../core/test/support/read-squashfs.ts';
import { testSink } from '../../sink-compliance/src/index.ts';
import { squashfsSink } from './index.ts';

testSink({
  name: 'sink-squashfs',
  factory: () => squashfsSink,
  read: readSquashfs,
  capabilities: {
    nanoseconds: false,
    timeRange: [0, 2 ** 32 - 1],
    xattrPrefixes: ['user.', 'trusted.', 'security.'],
    types: ['file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo', 'socket'],
  },
});
