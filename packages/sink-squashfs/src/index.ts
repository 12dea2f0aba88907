/**
 * Writes squashfs 4.0 images in this process, without mksquashfs, and reads them, whoever made them.
 *
 * @packageDocumentation
 */

export type { Compression } from './compression.ts';
export { COMPRESSIONS } from './compression.ts';
export {
  COMPRESSOR,
  FLAG,
  INODE_TYPE,
  MAX_BLOCK_SIZE,
  MAX_IDS,
  MAX_NAME_LENGTH,
  METADATA_SIZE,
  MIN_BLOCK_SIZE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
} from './format.ts';
export { squashfsOptions } from './options.ts';
export { openSquashfs, squashfsReader } from './reader/reader.ts';
export { squashfsSink } from './sink.ts';
export type { SquashfsSummary, SquashfsWriterOptions } from './writer.ts';
export { SquashfsWriter } from './writer.ts';
