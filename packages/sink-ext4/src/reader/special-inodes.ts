import { INODE_BLOCK_SIZE } from '../format.ts';
import { hasFlag, type RawInode } from './read-inode.ts';

/** Linux has no longer link targets. */
export const MAX_TARGET = 4096;

/** Tells whether a symbolic link's target is in its inode, where block numbers would be. */
export function isShortLink(inode: RawInode): boolean {
  return inode.size < INODE_BLOCK_SIZE && !hasFlag(inode, 'extents') && !hasFlag(inode, 'inlineData');
}

/** Gives a device's numbers: in the old form, a byte each, or in the new one. */
export function deviceOf({ block }: RawInode): { devMajor: number; devMinor: number } {
  const old = block.readUInt32LE(0);
  if (old !== 0) return { devMajor: (old >>> 8) & 0xff, devMinor: old & 0xff };
  const device = block.readUInt32LE(4);
  return { devMajor: (device >>> 8) & 0xfff, devMinor: (device & 0xff) | ((device >>> 12) & 0xf_ff00) };
}
