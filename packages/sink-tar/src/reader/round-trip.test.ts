import { describe, test } from 'vitest';
import { readImage, sinkChecks } from '../../../sink-compliance/src/index.ts';
import { tarSink } from '../sink.ts';
import { openTar } from './tar-reader.ts';

const checks = sinkChecks({
  name: 'tar',
  factory: () => tarSink,
  read: async (path) => {
    const image = await openTar(path);
    try {
      return await readImage(image);
    } finally {
      await image.close();
    }
  },
});

// The trees that every sink must keep; the rest of the contract has nothing to do with reading.
describe('what the sink writes, the reader gives back', () => {
  for (const { name, run } of checks) if (name.startsWith('keeps ')) test(name, run);
});
