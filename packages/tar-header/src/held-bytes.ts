import type { ByteString, Entry, Xattrs } from '@ocirender/interface';

/*
 * What it takes to remember entries in memory, measured with half a million of each kind (docs/decisions/0051): small
 * attributes and records cost many times their bytes, and a limit that overlooked it would be none.
 */

/** An extended attribute besides its name and value: its set, its array, its places in the tables of a sink. */
const ATTRIBUTE_COST = 1024;

/** A PAX record of unknown meaning besides its key and value. */
const RECORD_COST = 512;

/** A data extent of a sparse file. */
const EXTENT_COST = 64;

/**
 * Estimates the memory that an entry takes beyond what every entry takes; attributes apart, for equal sets are often
 * kept once.
 *
 * @param entry - the entry
 * @param path - as it is kept
 * @returns bytes
 */
export function heldEntryBytes({ linkTarget, extraPax, extents }: Entry, path: ByteString): number {
  let bytes = path.length + linkTarget.length + EXTENT_COST * (extents?.length ?? 0);
  if (extraPax !== undefined)
    for (const [key, value] of extraPax) bytes += RECORD_COST + key.length + value.length;
  return bytes;
}

/**
 * Estimates the memory that a set of attributes takes.
 *
 * @param xattrs - the set
 * @returns bytes
 */
export function heldXattrBytes(xattrs: Xattrs): number {
  let bytes = 0;
  if (xattrs.size > 0)
    for (const [name, value] of xattrs) bytes += ATTRIBUTE_COST + name.length + value.length;
  return bytes;
}
