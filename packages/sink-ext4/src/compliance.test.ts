import { describe, test } from 'vitest';
import { sinkChecks, testSink } from '../../sink-compliance/src/index.ts';
import { ext4Sink } from './index.ts';
import { readExt4 } from './testing/read-tree.ts';

const XATTR_PREFIXES = ['user.', 'trusted.', 'security.', 'system.posix_acl_'];

testSink({
  name: 'sink-ext4',
  factory: () => ext4Sink,
  read: readExt4,
  capabilities: {
    xattrPrefixes: XATTR_PREFIXES,
    xattrBytes: 3000,
    types: ['file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo', 'socket'],
  },
});

describe('blocks of 1024 bytes', () => {
  const checks = sinkChecks({
    name: 'sink-ext4',
    factory: () => ext4Sink,
    read: readExt4,
    options: { 'block-size': 1024, journal: '1M', free: '10%' },
    capabilities: { xattrPrefixes: XATTR_PREFIXES, xattrBytes: 600 },
  });
  // A link target must fit into a block; one of the odd ones is 3000 bytes long.
  const fitting = checks.filter(({ name }) => name !== 'keeps odd names');
  test.each(fitting.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run(), 120_000);
});
