import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';
import { MAX_DEVICE_MAJOR, MAX_DEVICE_MINOR, MAX_NAME_LENGTH, MAX_SYMLINK_TARGET } from './format.ts';

/** The error for a name that squashfs cannot hold. */
export function nameTooLong(path: ByteString, length: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_SQUASHFS_NAME_LENGTH',
    `${displayPath(path)}: a name of ${length} bytes; squashfs holds 1 to ${MAX_NAME_LENGTH}`,
  );
}

/** The error for a link target that Linux would not read. */
export function targetTooLong(path: ByteString, length: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_SQUASHFS_SYMLINK_LENGTH',
    `${displayPath(path)}: a link target of ${length} bytes; Linux reads at most ${MAX_SYMLINK_TARGET} from squashfs`,
  );
}

/** The error for a device number that squashfs cannot hold. */
export function badDevice(path: ByteString, major: number, minor: number): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_SQUASHFS_DEVICE_NUMBER',
    `${displayPath(path)}: device ${major}:${minor}; squashfs holds major numbers to ${MAX_DEVICE_MAJOR} and minor ` +
      `numbers to ${MAX_DEVICE_MINOR}`,
  );
}
