import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReadTree } from '../../packages/sink-compliance/src/index.ts';
import { must } from './run.ts';
import { listTree } from './trees.ts';

const MAKE_IMAGES = fileURLToPath(new URL('../../../shared/images/make-images.sh', import.meta.url));

/** The images that are built for these tests, each also as `NAME-zstd`. */
export const IMAGES = ['debian', 'python', 'node'] as const;

export type ImageName = (typeof IMAGES)[number];

/** Where they are: made there once, kept for the next run. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
export const IMAGE_DIRECTORY = process.env['OCIRENDER_IMAGES'] ?? '/var/cache/ocirender/images';

/** Builds the images that are not there yet. */
export async function ensureImages(names: readonly string[] = IMAGES): Promise<void> {
  const variants = names.flatMap((name) => [name, `${name}-zstd`]);
  if (variants.every((name) => existsSync(`${IMAGE_DIRECTORY}/${name}/index.json`))) return;
  await must('bash', [MAKE_IMAGES, IMAGE_DIRECTORY, ...names]);
}

/**
 * Unpacks an image with umoci, which serves as the reference.
 *
 * @returns the tree; where umoci made up a time (of parents that no layer holds), that time is NaN
 */
export async function umociTree(image: string, target: string): Promise<ReadTree> {
  const began = Date.now() / 1000 - 2;
  await must('umoci', ['raw', 'unpack', '--image', `${image}:latest`, target]);
  const tree = await listTree(target);
  return new Map(
    [...tree].map(([path, entry]) => [path, entry.mtime >= began ? { ...entry, mtime: Number.NaN } : entry]),
  );
}

/** Copies the times that the reference does not know, and rounds those that the format rounds. */
export function asHeld(reference: ReadTree, actual: ReadTree, wholeSeconds: boolean): ReadTree {
  return new Map(
    [...reference].map(([path, entry]) => {
      if (Number.isNaN(entry.mtime)) {
        const { mtime = 0, mtimeNs = 0 } = actual.get(path) ?? {};
        return [path, { ...entry, mtime, mtimeNs }];
      }
      return [path, wholeSeconds ? { ...entry, mtimeNs: 0 } : entry];
    }),
  );
}
