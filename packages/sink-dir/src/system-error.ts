import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';

/** Gives a system error such as Node's own from a negated errno. */
export function systemError(result: number, call: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(result) ?? [`errno ${-result}`, 'unknown error'];
  return Object.assign(new Error(`${code}: ${text}, ${call}`), { code, errno: result, syscall: call });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free space (or inodes: df -i) on the target file system.',
  EDQUOT: 'The disk quota is used up.',
  EMFILE: 'Raise the limit on open files (ulimit -n).',
  EROFS: 'The target file system is read-only.',
  EMLINK:
    'The target file system allows no more hard links to one file. With --lenient a copy begins there; squashfs and EROFS images hold more.',
  ENAMETOOLONG: 'The target file system allows shorter names only.',
  ELOOP:
    'Something replaced a directory by a symbolic link while the sink was writing; nothing was written through it.',
  ENOTDIR: 'Something replaced a directory while the sink was writing; nothing was written elsewhere.',
};

/** Makes the error of a system call that failed on a path of the image. */
export function ioError(cause: unknown, path: ByteString): OcirenderError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const hint = code !== undefined && Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
  const where = path === '' ? 'the root directory' : displayPath(path);
  return new OcirenderError('ERR_OCIRENDER_IO', `${where} cannot be written: ${message}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Passes a call's result on, or throws. */
export function check(result: number, call: string, path: ByteString): number {
  if (result < 0) throw ioError(systemError(result, call), path);
  return result;
}

const { EPERM, EACCES, EINVAL, ENOTSUP, EOPNOTSUPP, ENOSYS, ENODEV, ENXIO, EOVERFLOW } = constants.errno;
const REFUSALS: readonly number[] = [
  EPERM,
  EACCES,
  EINVAL,
  ENOTSUP,
  EOPNOTSUPP,
  ENOSYS,
  ENODEV,
  ENXIO,
  EOVERFLOW,
];

/**
 * Whether a call failed because this user or this file system may not, rather than because something broke.
 */
export function isRefusal(result: number): boolean {
  return REFUSALS.includes(-result);
}
