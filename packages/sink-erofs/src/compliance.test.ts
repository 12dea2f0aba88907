import { testSink } from '../../sink-compliance/src/index.ts';
import { erofsSink } from './index.ts';
import { readErofs } from './testing/read-erofs.ts';

testSink({
  name: 'sink-erofs',
  factory: () => erofsSink,
  read: readErofs,
  capabilities: {
    xattrPrefixes: ['user.', 'trusted.', 'security.', 'system.posix_acl_access', 'system.posix_acl_default'],
    types: ['file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo', 'socket'],
  },
});

testSink({
  name: 'sink-erofs with lz4',
  factory: () => erofsSink,
  options: { compression: 'lz4', 'cluster-size': '16K' },
  read: readErofs,
  capabilities: {
    xattrPrefixes: ['user.', 'trusted.', 'security.', 'system.posix_acl_access', 'system.posix_acl_default'],
    types: ['file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo', 'socket'],
  },
});
