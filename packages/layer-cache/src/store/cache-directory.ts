import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homeOf, OcirenderError } from '@ocirender/interface';

/** Says to programs that make backups what the directory is (https://bford.info/cachedir/). */
const TAG_NAME = 'CACHEDIR.TAG';
const TAG = `Signature: 8a477f597d28d172789f06886806bc55
# This directory is a cache of ocirender: it may be deleted at any time.
`;

/** Modes that let others than the owner write. */
const OTHERS_WRITE = 0o022;

/**
 * Where the cache is unless it is told otherwise.
 *
 * @param environment - `XDG_CACHE_HOME`, `HOME`
 * @returns `$XDG_CACHE_HOME/ocirender`, else `~/.cache/ocirender`
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function defaultCacheDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment['XDG_CACHE_HOME'];
  // "All paths set in these environment variables must be absolute": others are to be ignored.
  return join(base?.startsWith('/') === true ? base : join(homeOf(environment), '.cache'), 'ocirender');
}

/**
 * Makes the directory, for its owner alone, or looks at the one that is there.
 *
 * @param path - of the cache
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be made, `ERR_OCIRENDER_USAGE` when it is no directory or others may write
 * to it: they could change what is converted
 */
export async function openCacheDirectory(path: string): Promise<void> {
  try {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await writeFile(join(path, TAG_NAME), TAG, { mode: 0o600 });
    const { mode, uid } = await stat(path);
    const isOurs = process.getuid === undefined || uid === process.getuid() || uid === 0;
    if (isOurs && (mode & OTHERS_WRITE) === 0) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw refused(path, 'is no directory');
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the cache ${path} cannot be used: ${(error as Error).message}`,
      { cause: error, hint: 'Choose another directory with --cache=DIR or OCIRENDER_CACHE.' },
    );
  }
  throw refused(path, 'belongs to, or may be written to by, others');
}

function refused(path: string, why: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', `the cache ${path} ${why}`, {
    hint: 'Choose a directory that only you can write to: chmod go-w DIR, or --cache=DIR.',
  });
}
