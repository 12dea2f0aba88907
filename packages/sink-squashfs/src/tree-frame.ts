import type { ByteString, DirectoryInode, Inode } from '@ocirender/interface';
import type { Listing } from './inode.ts';

/** A directory on the way from the root to where the walk is. */
export interface Frame {
  readonly directory: DirectoryInode;
  readonly name: ByteString;
  readonly above: Frame | undefined;
  readonly number: number;
  readonly children: readonly [ByteString, Inode][];
  /** Inode numbers of the children. */
  readonly numbers: Uint32Array;
  /** Listings of the subdirectories that are done, by position among the children. */
  readonly listings: Map<number, Listing>;
  next: number;
}

/**
 * Gives the path of a name, for messages.
 *
 * @param frame - the directory that holds it; undefined for the root itself
 * @param name - empty for the directory's own path
 */
export function pathOf(frame: Frame | undefined, name: ByteString): ByteString {
  const names = name === '' ? [] : [name];
  for (let at = frame; at?.above !== undefined; at = at.above) names.push(at.name);
  return names.reverse().join('/');
}
