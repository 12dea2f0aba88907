import type { EntryType } from '@ocirender/interface';

/**
 * The form in which the headers of a layer are kept. A sequence of records, each begun by a byte:
 *
 * - `0`: the end
 * - `1` to `8`: an entry of the type {@link TYPES}[n - 1]: a byte of {@link FLAG}s; how many bytes of the path are those of the path
 *   before, and the rest of it; mode, uid, gid; the time in seconds, without its sign; for a file its size;
 *   then what the flags announce, in their order
 * - `16`: a diagnostic of the tar reader: code and message
 *
 * Numbers are LEB128; strings and byte strings have their length before them. Attributes are kept once: 0 and the set, or the number
 * of an earlier set, counted from 1.
 */
export const RECORD = { end: 0, diagnostic: 16 } as const;

/** Types of entries, in an order that never changes. */
export const TYPES: readonly EntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'socket',
];

/** What an entry has besides what every one has. */
export const FLAG = {
  /** Nanoseconds. */
  mtimeNs: 1,
  /** Link target. */
  linkTarget: 2,
  /** Major and minor device number. */
  device: 4,
  /** Attributes. */
  xattrs: 8,
  /** How many data extents, and offset and length of each. */
  extents: 16,
  /** How many PAX records, and key and value of each. */
  extraPax: 32,
  /** Nothing: the time is before the epoch. */
  negativeTime: 64,
} as const;

/** All of {@link FLAG}. */
export const ALL_FLAGS = 127;
