import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';
import {
  MAX_BLOCKS,
  MAX_DEVICE_MAJOR,
  MAX_DEVICE_MINOR,
  MAX_NAME_LENGTH,
  MAX_SYMLINK_TARGET,
} from './format.ts';

/** The error for a name that EROFS cannot hold. */
export function nameTooLong(path: ByteString, length: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_NAME_LENGTH',
    `${displayPath(path)}: a name of ${length} bytes; EROFS holds 1 to ${MAX_NAME_LENGTH}`,
  );
}

/** The error for a link target that Linux would not read. */
export function badTarget(path: ByteString, length: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_SYMLINK_LENGTH',
    `${displayPath(path)}: a link target of ${length} bytes; Linux reads 1 to ${MAX_SYMLINK_TARGET}`,
  );
}

/** The error for a device number that EROFS cannot hold. */
export function badDevice(path: ByteString, major: number, minor: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_DEVICE_NUMBER',
    `${displayPath(path)}: device ${major}:${minor}; EROFS holds major numbers to ${MAX_DEVICE_MAJOR} and minor ` +
      `numbers to ${MAX_DEVICE_MINOR}`,
  );
}

/** The error for more attributes than an inode has room for. */
export function tooManyXattrs(path: ByteString, bytes: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_XATTRS',
    `${displayPath(path) || '/'}: ${bytes} bytes of extended attributes do not fit beside its inode`,
  );
}

/** The error for an image of more blocks than 32 bits count. */
export function imageTooLarge(blockSize: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_IMAGE_SIZE',
    `the image would have more than ${MAX_BLOCKS} blocks of ${blockSize} bytes`,
    { hint: 'Compress it, or choose another output format.' },
  );
}
