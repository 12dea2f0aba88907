import { FULL_CAPABILITIES, testSink } from '@ocirender/sink-compliance';
import { readCpio } from '../test/read-cpio.js';
import { cpioSink } from './sink.js';

testSink({
  name: 'sink-cpio',
  factory: () => cpioSink,
  read: readCpio,
  capabilities: {
    types: [...FULL_CAPABILITIES.types, 'socket'],
    nanoseconds: false,
    timeRange: [0, 2 ** 32 - 1],
    xattrPrefixes: [],
  },
});
