import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES, type ReadTree } from '../../packages/sink-compliance/src/index.ts';
import { convertWithCli, node24, SINKS, type SinkName } from './cli.ts';
import { fileDigest } from './file-digest.ts';
import { asHeld, ensureImages, IMAGE_DIRECTORY, type ImageName, umociTree } from './images.ts';
import { must } from './run.ts';
import { readOutput } from './trees.ts';
import { makeDirectory, removeDirectory } from './work-directory.ts';

// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
const EVERYTHING = process.env['OCIRENDER_ALL_SINKS'] === '1';
const ALL: readonly SinkName[] = SINKS.map(([sink]) => sink);

/**
 * Converts a realistic image to every sink, from gzip and from zstd layers, and compares each result with what umoci
 * unpacks. One image a file, so that files can run side by side.
 *
 * @param name - the image
 * @param usual - the sinks that it goes to unless `OCIRENDER_ALL_SINKS` is set: large images take minutes for each
 * @param usualZstd - the same for zstd layers: how layers are compressed is nothing that a sink knows of
 */
export function testImage(name: ImageName, usual = ALL, usualZstd = usual): void {
  const chosen = (names: readonly SinkName[]): (typeof SINKS)[number][] =>
    SINKS.filter(([sink]) => EVERYTHING || names.includes(sink));
  describe(name, () => {
    let directory: string;
    let reference: ReadTree;
    let zstdNode: string;
    /** Hash of each sink's output of the gzip variant, known to be right. */
    const verified = new Map<string, string>();

    beforeAll(async () => {
      await ensureImages();
      // Before 22.15 Node has no zstd, and frames of real layers can exceed what the fallback takes.
      zstdNode = 'createZstdDecompress' in zlib ? process.execPath : await node24();
      directory = await makeDirectory();
      reference = await umociTree(join(IMAGE_DIRECTORY, name), join(directory, 'umoci'));
      await must('rm', ['-rf', join(directory, 'umoci')]);
    });

    afterAll(() => removeDirectory(directory));

    test.each(chosen(usual))('gzip layers to %s: the tree is what umoci unpacks', async (sink, ending) => {
      const output = join(directory, `gzip${ending}`);
      await convertWithCli(join(IMAGE_DIRECTORY, name), sink, output);
      await expectReference(sink, output);
      if (sink === 'squashfs') await expectAcceptedByUnsquashfs(output);
      if (sink !== 'dir') verified.set(sink, await fileDigest(output));
      await must('rm', ['-rf', output]);
    });

    test.each(chosen(usualZstd))(
      'zstd layers to %s: the tree is what umoci unpacks',
      async (sink, ending) => {
        const output = join(directory, `zstd${ending}`);
        await convertWithCli(join(IMAGE_DIRECTORY, `${name}-zstd`), sink, output, [], zstdNode);
        // The same bytes as from gzip layers have been looked at already.
        if (sink === 'dir' || (await fileDigest(output)) !== verified.get(sink))
          await expectReference(sink, output);
        await must('rm', ['-rf', output]);
      },
    );

    async function expectReference(sink: string, output: string): Promise<void> {
      const tree = await readOutput(sink, output, directory);
      expect(tree.size).toBe(reference.size);
      expect(compareTrees(tree, asHeld(reference, tree, sink === 'squashfs'), FULL_CAPABILITIES)).toEqual([]);
    }

    async function expectAcceptedByUnsquashfs(output: string): Promise<void> {
      expect(await must('unsquashfs', ['-stat', output])).toMatch(/^Found a valid SQUASHFS 4:0 superblock/);
      const names = (await must('unsquashfs', ['-ls', output])).trimEnd().split('\n');
      expect(names.length).toBe(reference.size);
    }
  });
}
