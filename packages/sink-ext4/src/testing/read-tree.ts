import { type ReadTree, readImage } from '../../../sink-compliance/src/index.ts';
import { openExt4 } from '../reader/reader.ts';

/** Reads a filesystem with the reader of this package. */
export async function readExt4(path: string): Promise<ReadTree> {
  const image = await openExt4(path);
  try {
    return await readImage(image);
  } finally {
    await image.close();
  }
}
