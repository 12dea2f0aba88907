import { createReadStream } from 'node:fs';
import { decompress } from '@ocirender/decompress';
import {
  type RecognizedForm,
  recognizeImage,
  TELLING_BYTES,
  TELLING_FILES,
  type TellingFile,
} from '@ocirender/oci-layout';
import { readTar } from '@ocirender/tar-header';
import { cleanName } from './archive-index.ts';

/** Looked at for an answer as soon as they are there: what comes behind them changes nothing. */
const DECISIVE: ReadonlySet<string> = new Set(['index.json', 'manifest.json']);

/**
 * Tells an archive of images from the archive of a root file system, by the rule of {@link recognizeImage}: over all its
 * members, in any order, however their names are spelled and stored.
 *
 * @param path - a tar, also compressed
 * @param signal - stops the reading
 * @returns what it is; undefined when it holds no image, and for what cannot be read: whoever opens it says why
 */
export async function recognizeArchive(
  path: string,
  signal?: AbortSignal,
): Promise<RecognizedForm | undefined> {
  const files = new Map<TellingFile, Uint8Array>();
  const recognize = (): Promise<RecognizedForm | undefined> => recognizeImage((name) => files.get(name));
  const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
  try {
    const tar = decompress(source as AsyncIterable<Uint8Array>, signal === undefined ? {} : { signal });
    for await (const { entry, content } of readTar(tar)) {
      const name = TELLING_FILES.find((telling) => telling === cleanName(entry.path));
      if (name === undefined || entry.type !== 'file' || entry.size > TELLING_BYTES) continue;
      const parts: Uint8Array[] = [];
      for await (const chunk of content) if (chunk instanceof Uint8Array) parts.push(chunk.slice());
      files.set(name, Buffer.concat(parts));
      if (!DECISIVE.has(name)) continue;
      const form = await recognize();
      if (form !== undefined) return form;
    }
    return await recognize();
  } catch {
    // Cut off, damaged, or no archive: what was seen decides.
    return recognize();
  } finally {
    source.destroy();
  }
}
