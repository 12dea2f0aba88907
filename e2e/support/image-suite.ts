import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES, type ReadTree } from '../../packages/sink-compliance/src/index.ts';
import { convertTo } from '../corpora/support/conversion.ts';
import { convertWithCli, SINKS, type SinkName } from './cli.ts';
import { fileDigest } from './file-digest.ts';
import { asHeld, ensureImages, IMAGE_DIRECTORY, type ImageName, umociTree } from './images.ts';
import { must } from './run.ts';
import { readOutput } from './trees.ts';
import { makeDirectory, removeDirectory } from './work-directory.ts';

/** A sink that gets the image, from the command or from a program. */
export type ImageSink = SinkName | 'erofs';

/**
 * Converts a realistic image to sinks, from gzip and from zstd layers, and compares each result with what umoci
 * unpacks: through the kernel's mount, every byte of every file. One image a file, so that files can run side by side.
 *
 * @param name - the image
 * @param sinks - where layers with gzip go
 * @param zstdSinks - the same for zstd: how layers are compressed is nothing that a sink knows of
 */
export function testImage(
  name: ImageName,
  sinks: readonly ImageSink[],
  zstdSinks: readonly ImageSink[],
): void {
  const endings = new Map<ImageSink, string>([...SINKS, ['erofs', '.erofs']]);
  // The command gets to know EROFS by a plugin, which e2e/plugin-road tries.
  const convert = (image: string, sink: ImageSink, output: string): Promise<unknown> =>
    sink === 'erofs' ? convertTo(sink, image, output) : convertWithCli(image, sink, output);
  describe(name, () => {
    let directory: string;
    let reference: ReadTree;
    /** Hash of each sink's output of the gzip variant, known to be right. */
    const verified = new Map<string, string>();

    beforeAll(async () => {
      await ensureImages([name]);
      directory = await makeDirectory();
      reference = await umociTree(join(IMAGE_DIRECTORY, name), join(directory, 'umoci'));
      await must('rm', ['-rf', join(directory, 'umoci')]);
    });

    afterAll(() => removeDirectory(directory));

    test.each(sinks)('gzip layers to %s: the tree is what umoci unpacks', async (sink) => {
      const output = join(directory, `gzip${endings.get(sink)!}`);
      await convert(join(IMAGE_DIRECTORY, name), sink, output);
      await expectReference(sink, output);
      if (sink === 'squashfs') await expectAcceptedByUnsquashfs(output);
      if (sink !== 'dir') verified.set(sink, await fileDigest(output));
      await must('rm', ['-rf', output]);
    });

    test.each(zstdSinks)('zstd layers to %s: the tree is what umoci unpacks', async (sink) => {
      const output = join(directory, `zstd${endings.get(sink)!}`);
      await convert(join(IMAGE_DIRECTORY, `${name}-zstd`), sink, output);
      // The same bytes as from gzip layers have been looked at already.
      if (sink === 'dir' || (await fileDigest(output)) !== verified.get(sink))
        await expectReference(sink, output);
      await must('rm', ['-rf', output]);
    });

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
