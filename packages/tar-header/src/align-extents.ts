import type { Extent } from '@ocirender/interface';
import { BLOCK_SIZE } from './format.ts';

/**
 * Widens the data extents of a sparse file to whole blocks, the last to the end of the file at most.
 *
 * GNU tar begins every extent at a block of the archive, where Go and libarchive take extents as one packed
 * run of bytes. Only extents of whole blocks mean the same to all of them.
 *
 * @param extents - ascending, without overlap
 * @param size - apparent size of the file in bytes
 * @returns extents that cover the given ones; the bytes in between are zeros
 */
export function alignExtents(extents: readonly Extent[], size: number): Extent[] {
  const aligned: { offset: number; length: number }[] = [];
  for (const { offset, length } of extents) {
    if (length === 0) continue;
    const start = offset - (offset % BLOCK_SIZE);
    const end = Math.min(Math.ceil((offset + length) / BLOCK_SIZE) * BLOCK_SIZE, size);
    const last = aligned.at(-1);
    if (last !== undefined && start <= last.offset + last.length) last.length = end - last.offset;
    else aligned.push({ offset: start, length: end - start });
  }
  return aligned;
}
