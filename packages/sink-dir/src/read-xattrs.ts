import { constants } from 'node:os';
import {
  type ByteString,
  bytesToByteString,
  NO_XATTRS,
  OcirenderError,
  type Xattrs,
} from '@ocirender/interface';
import { loadLibrary } from './libc.ts';
import { systemError } from './system-error.ts';

const { ENOTSUP, EOPNOTSUPP, ENODATA } = constants.errno;
/** The kernel's own bounds: XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h. */
const MAX_LIST = 65_536;
const MAX_VALUE = 65_536;

/**
 * Reads all extended attributes of a file that the process may see. A symbolic link is not followed.
 *
 * @param path - of the file, as bytes
 * @throws system errors
 */
export type XattrReader = (path: ByteString) => Xattrs;

/**
 * Loads what Node lacks to read extended attributes.
 *
 * @returns the function
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_DIR_UNSUPPORTED` where that cannot be: not a 64-bit Linux, or no binary of
 * koffi for it
 */
export async function loadXattrReader(): Promise<XattrReader> {
  let library: Awaited<ReturnType<typeof loadLibrary>>;
  try {
    library = await loadLibrary();
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_SINK_DIR_UNSUPPORTED',
      `extended attributes cannot be read here: ${(error as Error).message}`,
      { hint: 'That needs a 64-bit Linux.', cause: error },
    );
  }
  const llistxattr = library.bind('llistxattr', 'long', ['void *', 'void *', 'size_t']);
  const lgetxattr = library.bind('lgetxattr', 'long', ['void *', 'void *', 'void *', 'size_t']);
  const list = Buffer.alloc(MAX_LIST);
  const value = Buffer.alloc(MAX_VALUE);
  const call = (result: number | bigint): number => (Number(result) >= 0 ? Number(result) : -library.errno());
  return (path) => {
    const file = Buffer.from(`${path}\0`, 'latin1');
    const length = call(llistxattr(file, list, MAX_LIST));
    if (length === 0 || length === -ENOTSUP || length === -EOPNOTSUPP) return NO_XATTRS;
    if (length < 0) throw systemError(length, 'llistxattr');
    const xattrs = new Map<ByteString, Uint8Array>();
    for (const name of bytesToByteString(list.subarray(0, length)).split('\0')) {
      if (name === '') continue;
      const size = call(lgetxattr(file, Buffer.from(`${name}\0`, 'latin1'), value, MAX_VALUE));
      // Removed between the two calls.
      if (size === -ENODATA) continue;
      if (size < 0) throw systemError(size, 'lgetxattr');
      xattrs.set(name, Uint8Array.prototype.slice.call(value, 0, size));
    }
    return xattrs;
  };
}
