/**
 * Writes ext4 filesystems in this process, without mke2fs.
 *
 * @packageDocumentation
 */

export { ext4Options } from './options.ts';
export { ext4Reader, openExt4 } from './reader/reader.ts';
export { ext4Sink } from './sink.ts';
export type { Amount } from './sizing.ts';
export type { Ext4Summary, Ext4WriterOptions } from './writer.ts';
export { Ext4Writer } from './writer.ts';
