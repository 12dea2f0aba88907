import { constants } from 'node:os';
import { type ByteString, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import { loadLibrary } from '../library.ts';
import { systemError } from '../system-error.ts';

/** The most that Linux gives: XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const MAX_BYTES = 65_536;
const { ENODATA, ENOTSUP, EOPNOTSUPP, ENOSYS } = constants.errno;

/**
 * Reads the attributes of a path that ends in a NUL byte, not following a link at its end.
 *
 * @throws {Error} the system's error
 */
export type ReadXattrs = (path: Uint8Array) => Xattrs;

/**
 * Loads the calls that read extended attributes, which Node lacks.
 *
 * @returns a function that reads them; undefined where that cannot be: not Linux, or no binary of koffi for it
 */
export async function loadXattrReader(): Promise<ReadXattrs | undefined> {
  try {
    const { bind, errno } = await loadLibrary();
    const list = bind('llistxattr', 'int64', ['void *', 'void *', 'size_t']);
    const get = bind('lgetxattr', 'int64', ['void *', 'void *', 'void *', 'size_t']);
    const names = Buffer.alloc(MAX_BYTES);
    const value = Buffer.alloc(MAX_BYTES);
    return (path) => {
      const length = list(path, names, MAX_BYTES);
      if (length === 0) return NO_XATTRS;
      if (length < 0) {
        const code = errno();
        // A file system without any attributes.
        if (code === ENOTSUP || code === EOPNOTSUPP || code === ENOSYS) return NO_XATTRS;
        throw systemError(-code, 'llistxattr');
      }
      const found = new Map<ByteString, Uint8Array>();
      for (let at = 0; at < length; ) {
        const end = names.indexOf(0, at) + 1;
        const size = get(path, names.subarray(at, end), value, MAX_BYTES);
        if (size >= 0) {
          found.set(names.toString('latin1', at, end - 1), new Uint8Array(value.subarray(0, size)));
        } else if (errno() !== ENODATA) {
          throw systemError(-errno(), 'lgetxattr');
        }
        at = end;
      }
      return found;
    };
  } catch {
    return undefined;
  }
}
