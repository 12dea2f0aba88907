/**
 * What the sinks that write filesystem images share: the file that is written by position, the session around its writer,
 * CRC-32C and UUIDs.
 *
 * @packageDocumentation
 */
export { CRC_START, crc32c, crc32cOfU32 } from './crc32c.ts';
export type { ImageSessionSetup, ImageWriter } from './image-session.ts';
export { ImageSession } from './image-session.ts';
export { OutputFile } from './output-file.ts';
export { formatUuid, parseUuid, uuidFrom } from './uuid.ts';
