import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { expect, test } from 'vitest';
import { convertWithCli } from '../support/cli.ts';
import { fileDigest } from '../support/file-digest.ts';
import { testImage } from '../support/image-suite.ts';
import { IMAGE_DIRECTORY } from '../support/images.ts';
import { makeDirectory, removeDirectory } from '../support/work-directory.ts';

testImage('debian');

test.runIf(!('createZstdDecompress' in zlib))(
  'zstd layers without zstd in Node give the same archive',
  async () => {
    const directory = await makeDirectory();
    try {
      const digests = ['debian', 'debian-zstd'].map(async (name) => {
        const output = join(directory, `${name}.tar`);
        await convertWithCli(join(IMAGE_DIRECTORY, name), 'tar', output);
        return fileDigest(output);
      });
      expect(new Set(await Promise.all(digests)).size).toBe(1);
    } finally {
      await removeDirectory(directory);
    }
  },
);
