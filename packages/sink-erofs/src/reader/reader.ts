import { defineReader, ImageReader, type Reader } from '@ocirender/interface';
import { ErofsImage } from './image.ts';

/** Reads EROFS images. */
export const erofsReader: Reader = defineReader({
  name: 'erofs',
  summary: 'Reads EROFS images.',
  magic: [{ offset: 1024, bytes: 'e2e1f5e0' }],
  open: (path) => ErofsImage.open(path),
});

/**
 * Opens an EROFS image.
 *
 * @param path - a file
 * @returns the image by path names; close it
 * @throws {FormatError} when it is not an EROFS image or damaged
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
 */
export async function openErofs(path: string): Promise<ImageReader> {
  return new ImageReader(await ErofsImage.open(path));
}
