import { displayPath, OcirenderError } from '@ocirender/interface';
import type { Place } from './place.ts';
import type { Target } from './target.ts';

/** What may be replaced. */
export interface ReplacePermission {
  /** Files, symbolic links. */
  readonly force: boolean;
  /** Also a directory that is not empty. */
  readonly replaceDirectory: boolean;
}

/** An output as it was asked for. */
export interface WantedOutput {
  /** What the user called it. */
  readonly name: string;
  /** Words for messages: `the output`. */
  readonly what: string;
  readonly kind: 'file' | 'directory';
  /** Whether it could be streamed into a FIFO. */
  readonly streams: boolean;
}

/** How an output comes into its place. */
export type Way =
  /** Written under another name, which is given to it at the end. */
  | 'rename'
  /** Written into the directory that is there. */
  | 'fill'
  /** Written into the FIFO that is there. */
  | 'stream';

/** Names of a directory that a message lists. */
const LISTED = 5;

/**
 * Decides what an output may do with what is at its place.
 *
 * @param wanted - the output
 * @param target - what is there
 * @param place - where that is
 * @param may - what the user allows
 * @returns how it comes into place
 * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS`, with what would be lost and what to do
 */
export function admitTarget(wanted: WantedOutput, target: Target, place: Place, may: ReplacePermission): Way {
  const { kind, what, name, streams } = wanted;
  switch (target.kind) {
    case 'nothing':
      return 'rename';
    case 'directory':
      return admitDirectory(wanted, target.names, place, may);
    case 'FIFO':
      if (streams) return 'stream';
      throw refused(`${what} "${name}" is a FIFO`, 'Only a sink that can write to a pipe can write to one.');
    case 'block device':
      throw refused(
        `${what} "${name}" is a block device, which is not written to`,
        'Write a file, and copy it to the device: dd if=FILE of=DEVICE bs=4M conv=fsync.',
      );
    case 'open file':
      throw refused(
        `${what} "${name}" is a name of an open file`,
        'For standard output give "-", where the sink can write to a pipe.',
      );
    case 'character device':
    case 'socket':
      throw refused(`${what} "${name}" is a ${target.kind}, which is not replaced`, 'Choose another name.');
    default:
      if (kind === 'directory') {
        throw refused(
          `${what} "${name}" exists and is a ${target.kind}, not a directory`,
          'Remove what is there, or choose another name.',
        );
      }
      if (place.isMountPoint) {
        throw refused(
          `${what} "${name}" exists and is a mount point, which cannot be replaced`,
          'Mount the directory that it is in, and write there.',
        );
      }
      if (may.force) return 'rename';
      throw refused(
        `${what} "${name}" exists`,
        target.kind === 'file'
          ? 'Choose another name, or replace it with --force.'
          : 'It is a symbolic link. Choose another name, or replace the link itself with --force.',
      );
  }
}

function admitDirectory(
  { kind, what, name }: WantedOutput,
  names: readonly string[],
  place: Place,
  { replaceDirectory }: ReplacePermission,
): Way {
  if (kind === 'file') {
    throw refused(
      `${what} "${name}" exists and is a directory`,
      'A file takes its place only when it is gone.',
    );
  }
  if (names.length === 0) return 'fill';
  const count = names.length === 1 ? '1 entry' : `${names.length} entries`;
  const listed = [...names]
    .sort()
    .slice(0, LISTED)
    .map((entry) => displayPath(Buffer.from(entry).toString('latin1')));
  const list = `${listed.join(', ')}${names.length > LISTED ? ', …' : ''}`;
  const message = `${what} "${name}" exists and is a directory with ${count} (${list})`;
  if (place.isMountPoint) {
    throw refused(
      message,
      'It is a mount point, which cannot be replaced. Empty it first: it is filled then.',
    );
  }
  if (replaceDirectory) return 'rename';
  throw refused(
    message,
    'All of that would be deleted. Choose another name, or replace the directory with --replace-directory.',
  );
}

function refused(message: string, hint: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_OUTPUT_EXISTS', message, { hint });
}
