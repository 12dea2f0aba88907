import { constants as osConstants } from 'node:os';
import { type ByteString, OcirenderError } from '@ocirender/interface';
import { MAX_NAME } from './format.ts';
import { type Call, type Library, loadLibrary } from './library.ts';

const { ENAMETOOLONG, EINVAL } = osConstants.errno;

/**
 * The calls of libc that Node lacks. All but {@link Libc.close} give a result of 0 or more, or the negated
 * errno: refusals are part of normal operation without root, and a thrown error costs more than the call.
 * Names and paths are byte strings.
 */
export interface Libc {
  openat(directory: number, name: ByteString, flags: number, mode: number): number;
  close(fd: number): number;
  mkdirat(directory: number, name: ByteString, mode: number): number;
  unlinkat(directory: number, name: ByteString, flags: number): number;
  symlinkat(target: ByteString, directory: number, name: ByteString): number;
  linkat(from: number, fromName: ByteString, to: number, toName: ByteString): number;
  /** Moves a name; one that exists already is EEXIST. */
  rename(from: number, fromName: ByteString, to: number, toName: ByteString): number;
  mknodat(directory: number, name: ByteString, mode: number, major: number, minor: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  fchownat(directory: number, name: ByteString, uid: number, gid: number, flags: number): number;
  fchmod(fd: number, mode: number): number;
  fchmodat(directory: number, path: ByteString, mode: number): number;
  /** Sets access and modification time: seconds (any sign) and nanoseconds. */
  futimens(fd: number, seconds: number, nanoseconds: number): number;
  utimensat(directory: number, name: ByteString, seconds: number, nanoseconds: number, flags: number): number;
  fsetxattr(fd: number, name: ByteString, value: Uint8Array): number;
  lsetxattr(path: ByteString, name: ByteString, value: Uint8Array): number;
  fremovexattr(fd: number, name: ByteString): number;
  /** Brings a whole filesystem to the disk; in another thread, since that can take long. */
  syncfs(fd: number): Promise<number>;
}

/**
 * Loads libc.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_DIR_UNSUPPORTED` where that cannot be: not a 64-bit Linux, or
 * no binary of koffi for it
 */
export async function loadLibc(): Promise<Libc> {
  try {
    return bindLibc(await loadLibrary());
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_SINK_DIR_UNSUPPORTED',
      `the sink dir cannot work here: ${(error as Error).message}`,
      { hint: 'It needs a 64-bit Linux. Write a tar instead and extract it.', cause: error },
    );
  }
}

function bindLibc(library: Library): Libc {
  const { bind, errno } = library;
  const optional = (name: string, parameters: string[]): Call | undefined => {
    try {
      return bind(name, 'int', parameters);
    } catch {
      return undefined;
    }
  };
  const openat = bind('openat', 'int', ['int', 'void *', 'int', 'uint32']);
  const close = bind('close', 'int', ['int']);
  const mkdirat = bind('mkdirat', 'int', ['int', 'void *', 'uint32']);
  const unlinkat = bind('unlinkat', 'int', ['int', 'void *', 'int']);
  const symlinkat = bind('symlinkat', 'int', ['void *', 'int', 'void *']);
  const linkat = bind('linkat', 'int', ['int', 'void *', 'int', 'void *', 'int']);
  // musl has renameat2 since 1.2.6 only.
  const renameat2 = optional('renameat2', ['int', 'void *', 'int', 'void *', 'uint32']);
  const mknodat = optional('mknodat', ['int', 'void *', 'uint32', 'uint64']);
  // glibc before 2.33 has mknodat under this name only.
  const xmknodat = mknodat ?? bind('__xmknodat', 'int', ['int', 'int', 'void *', 'uint32', 'void *']);
  const fchown = bind('fchown', 'int', ['int', 'uint32', 'uint32']);
  const fchownat = bind('fchownat', 'int', ['int', 'void *', 'uint32', 'uint32', 'int']);
  const fchmod = bind('fchmod', 'int', ['int', 'uint32']);
  const fchmodat = bind('fchmodat', 'int', ['int', 'void *', 'uint32', 'int']);
  const futimens = bind('futimens', 'int', ['int', 'void *']);
  const utimensat = bind('utimensat', 'int', ['int', 'void *', 'void *', 'int']);
  const fsetxattr = bind('fsetxattr', 'int', ['int', 'void *', 'void *', 'size_t', 'int']);
  const lsetxattr = bind('lsetxattr', 'int', ['void *', 'void *', 'void *', 'size_t', 'int']);
  const syncfs = library.bindAsync('syncfs', 'int', ['int']);
  const fremovexattr = bind('fremovexattr', 'int', ['int', 'void *']);

  const first = Buffer.alloc(MAX_NAME + 1);
  const second = Buffer.alloc(MAX_NAME + 1);
  const times = new BigInt64Array(4);
  const empty = new Uint8Array(1);
  const result = (value: number): number => (value >= 0 ? value : -errno());
  const put = (buffer: Buffer, text: ByteString): boolean => {
    if (text.length > MAX_NAME) return false;
    buffer[buffer.write(text, 0, 'latin1')] = 0;
    return true;
  };
  const putTimes = (seconds: number, nanoseconds: number): BigInt64Array => {
    times[0] = times[2] = BigInt(seconds);
    times[1] = times[3] = BigInt(nanoseconds);
    return times;
  };
  const setValue = (value: Uint8Array): Uint8Array => (value.length === 0 ? empty : value);

  return {
    openat: (directory, name, flags, mode) =>
      put(first, name) ? result(openat(directory, first, flags, mode)) : -ENAMETOOLONG,
    close: (fd) => result(close(fd)),
    mkdirat: (directory, name, mode) =>
      put(first, name) ? result(mkdirat(directory, first, mode)) : -ENAMETOOLONG,
    unlinkat: (directory, name, flags) =>
      put(first, name) ? result(unlinkat(directory, first, flags)) : -ENAMETOOLONG,
    symlinkat: (target, directory, name) =>
      put(first, target) && put(second, name) ? result(symlinkat(first, directory, second)) : -ENAMETOOLONG,
    linkat: (from, fromName, to, toName) =>
      put(first, fromName) && put(second, toName)
        ? result(linkat(from, first, to, second, 0))
        : -ENAMETOOLONG,
    rename(from, fromName, to, toName) {
      if (!put(first, fromName) || !put(second, toName)) return -ENAMETOOLONG;
      const moved = renameat2 === undefined ? -EINVAL : result(renameat2(from, first, to, second, 1));
      if (moved !== -EINVAL && moved !== -osConstants.errno.ENOSYS) return moved;
      // A file system (or libc) that cannot refuse to replace: a link refuses by nature.
      const linked = result(linkat(from, first, to, second, 0));
      return linked < 0 ? linked : result(unlinkat(from, first, 0));
    },
    mknodat(directory, name, mode, major, minor) {
      if (!put(first, name)) return -ENAMETOOLONG;
      const device = makeDevice(major, minor);
      return mknodat !== undefined
        ? result(mknodat(directory, first, mode, device))
        : result(xmknodat(0, directory, first, mode, new BigUint64Array([device]) as never));
    },
    fchown: (fd, uid, gid) => result(fchown(fd, uid, gid)),
    fchownat: (directory, name, uid, gid, flags) =>
      put(first, name) ? result(fchownat(directory, first, uid, gid, flags)) : -ENAMETOOLONG,
    fchmod: (fd, mode) => result(fchmod(fd, mode)),
    fchmodat: (directory, path, mode) =>
      put(first, path) ? result(fchmodat(directory, first, mode, 0)) : -ENAMETOOLONG,
    futimens: (fd, seconds, nanoseconds) => result(futimens(fd, putTimes(seconds, nanoseconds))),
    utimensat: (directory, name, seconds, nanoseconds, flags) =>
      put(first, name)
        ? result(utimensat(directory, first, putTimes(seconds, nanoseconds), flags))
        : -ENAMETOOLONG,
    fsetxattr: (fd, name, value) =>
      put(first, name) ? result(fsetxattr(fd, first, setValue(value), value.length, 0)) : -ENAMETOOLONG,
    lsetxattr: (path, name, value) =>
      put(first, path) && put(second, name)
        ? result(lsetxattr(first, second, setValue(value), value.length, 0))
        : -ENAMETOOLONG,
    syncfs: async (fd) => {
      const { value, errno } = await syncfs(fd);
      return value >= 0 ? value : -errno;
    },
    fremovexattr: (fd, name) => (put(first, name) ? result(fremovexattr(fd, first)) : -ENAMETOOLONG),
  };
}

/** glibc's and musl's makedev(3): 32 bits each, of which the kernel keeps 12 and 20. */
function makeDevice(major: number, minor: number): bigint {
  const [x, y] = [BigInt(major >>> 0), BigInt(minor >>> 0)];
  return ((x & 0xfffff000n) << 32n) | ((x & 0xfffn) << 8n) | ((y & 0xffffff00n) << 12n) | (y & 0xffn);
}
