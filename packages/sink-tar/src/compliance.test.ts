import { testSink } from '../../sink-compliance/src/index.ts';
import { readTarTree } from '../test/read-tar-tree.ts';
import { tarSink } from './sink.ts';

testSink({ name: 'sink-tar', factory: () => tarSink, read: readTarTree });
