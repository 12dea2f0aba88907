/**
 * Writes and reads EROFS images in this process, without mkfs.erofs.
 *
 * @packageDocumentation
 */

export type { Compression } from './compression.ts';
export { COMPRESSIONS } from './compression.ts';
export {
  COMPAT,
  FILE_KIND,
  INCOMPAT,
  LAYOUT,
  MAX_NAME_LENGTH,
  MAX_SYMLINK_TARGET,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
} from './format.ts';
export { erofsOptions } from './options.ts';
export { erofsReader, openErofs } from './reader/reader.ts';
export { erofsSink } from './sink.ts';
export type { ErofsSummary, ErofsWriterOptions } from './writer.ts';
export { ErofsWriter } from './writer.ts';
