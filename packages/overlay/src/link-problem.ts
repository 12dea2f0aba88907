import {
  type ByteString,
  type DiagnosticCode,
  displayPath,
  type Entry,
  OcirenderError,
} from '@ocirender/interface';

/** Bytes of the longest target that Linux takes: `PATH_MAX` without the NUL (symlink(2)). */
const MAX_TARGET = 4095;

/** What is wrong with a link, and what dropping it is called. */
export interface LinkProblem {
  readonly error: OcirenderError;
  readonly code: DiagnosticCode;
}

/**
 * Finds links that no filesystem can hold, whatever else is in the image: readers of the formats refuse them, some of
 * them the whole image.
 *
 * @param entry - a symbolic or hard link
 * @param path - canonical
 * @returns undefined when it is in order
 */
export function linkProblem({ type, linkTarget }: Entry, path: ByteString): LinkProblem | undefined {
  const shown = displayPath(path);
  const { length } = linkTarget;
  if (type === 'hardlink') {
    if (length > 0) return undefined;
    const error = new OcirenderError(
      'ERR_OCIRENDER_INVALID_HARDLINK',
      `the hard link "${shown}" names no target`,
      { hint: '--lenient drops it.' },
    );
    return { error, code: 'hardlink-dropped' };
  }
  if (length > 0 && length <= MAX_TARGET) return undefined;
  const what = length === 0 ? 'an empty target' : `a target of ${length} bytes`;
  const error = new OcirenderError(
    'ERR_OCIRENDER_INVALID_SYMLINK',
    `the symbolic link "${shown}" has ${what}; Linux holds 1 to ${MAX_TARGET} bytes`,
    { hint: 'Container runtimes cannot make it either; --lenient drops it.' },
  );
  return { error, code: 'symlink-dropped' };
}
