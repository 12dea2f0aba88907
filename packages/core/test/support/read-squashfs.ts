import { type ReadTree, readImage } from '../../../sink-compliance/src/index.ts';
import { openSquashfs } from '../../../sink-squashfs/src/index.ts';

/** Reads a squashfs image in process. */
export async function readSquashfs(path: string): Promise<ReadTree> {
  // What is our own must be what Linux reads.
  const image = await openSquashfs(path, { strict: true });
  try {
    return await readImage(image);
  } finally {
    await image.close();
  }
}
