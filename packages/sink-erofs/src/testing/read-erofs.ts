import { type ReadTree, readImage } from '../../../sink-compliance/src/index.ts';
import { openErofs } from '../reader/reader.ts';

/** Reads an EROFS image in process. */
export async function readErofs(path: string): Promise<ReadTree> {
  const image = await openErofs(path);
  try {
    return await readImage(image);
  } finally {
    await image.close();
  }
}
