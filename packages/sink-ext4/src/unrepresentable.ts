import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';
import { MAX_DEVICE_MAJOR, MAX_DEVICE_MINOR, MAX_LINKS, MAX_NAME } from './format.ts';

/** The error for a name that ext4 cannot hold. */
export function badName(path: ByteString, length: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EXT4_NAME_LENGTH',
    `${displayPath(path)}: a name of ${length} bytes; ext4 holds 1 to ${MAX_NAME}`,
  );
}

/** The error for a link target that does not fit into a block. */
export function badTarget(path: ByteString, length: number, blockSize: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EXT4_SYMLINK_LENGTH',
    `${displayPath(path)}: a link target of ${length} bytes; ext4 holds 1 to ${blockSize - 1} with blocks of ` +
      `${blockSize} bytes`,
    blockSize < 4096 ? { hint: 'Choose a larger block size.' } : {},
  );
}

/** The error for a device number that Linux cannot hold. */
export function badDevice(path: ByteString, major: number, minor: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EXT4_DEVICE_NUMBER',
    `${displayPath(path)}: device ${major}:${minor}; ext4 holds major numbers to ${MAX_DEVICE_MAJOR} and minor ` +
      `numbers to ${MAX_DEVICE_MINOR}`,
  );
}

/** The error for an inode with more names than ext4 counts. */
export function tooManyLinks(path: ByteString): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EXT4_TOO_MANY_LINKS',
    `${displayPath(path)}: more than ${MAX_LINKS} names of one inode, which ext4 cannot hold`,
    {
      hint: 'With --lenient another inode with the same contents begins there; squashfs and EROFS images hold that many.',
    },
  );
}
