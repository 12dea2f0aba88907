import { defineReader, FormatError, ImageReader, type ImageSource, type Reader } from '@ocirender/interface';
import { ImageFile } from './image-file.ts';
import { readSuperblock } from './read-superblock.ts';
import { Ext4Source } from './source.ts';

/** Reads ext2, ext3 and ext4 filesystems: ours, mke2fs's and those that Linux has written to. */
export const ext4Reader: Reader = defineReader({
  name: 'ext4',
  summary: 'Reads ext2, ext3 and ext4 filesystems.',
  magic: [{ offset: 1080, bytes: '53ef' }],
  open: openSource,
});

/**
 * Opens a filesystem for reading.
 *
 * @param path - an image file or a block device
 * @returns the reader; to be closed
 * @throws {FormatError} when it is no ext2, ext3 or ext4 filesystem, or damaged
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
 */
export async function openExt4(path: string): Promise<ImageReader> {
  return new ImageReader(await openSource(path));
}

async function openSource(path: string): Promise<ImageSource> {
  const file = await ImageFile.open(path);
  try {
    const superblock = await readSuperblock(file);
    if (superblock.blocks * superblock.blockSize > file.size) {
      const what = `the image has ${file.size} bytes, the filesystem ${superblock.blocks * superblock.blockSize}`;
      throw new FormatError(what, file.size, { code: 'ERR_OCIRENDER_TRUNCATED' });
    }
    return await Ext4Source.open(file, superblock);
  } catch (error) {
    await file.close();
    throw error;
  }
}
