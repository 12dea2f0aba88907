import { type ByteString, displayPath, isOcirenderError, OcirenderError } from '@ocirender/interface';

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'Run as root to read what belongs to others.',
  EPERM: 'Run as root to read what belongs to others.',
  EMFILE: 'Raise the limit on open files (ulimit -n).',
  ENOENT: 'Something changes the directory while it is read.',
  ELOOP: 'Something changes the directory while it is read.',
  ENOTDIR: 'Something changes the directory while it is read.',
};

/**
 * Makes the error of a call that failed on a path of the tree.
 *
 * @param cause - what was thrown
 * @param path - below the root, with a slash before each component
 * @returns `ERR_OCIRENDER_IO`; `cause` itself if it is one of ours
 */
export function readError(cause: unknown, path: ByteString): OcirenderError {
  if (isOcirenderError(cause)) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const hint = code !== undefined && Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
  const where = path === '' ? 'the root directory' : displayPath(path.slice(1));
  return new OcirenderError('ERR_OCIRENDER_IO', `${where} cannot be read: ${message}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
