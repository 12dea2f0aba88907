import type { ByteString } from '@ocirender/interface';

/** What can differ between two inodes of one name, in the order of a report. */
export const DIFFERENCE_FIELDS = [
  'type',
  'mode',
  'uid',
  'gid',
  'size',
  'mtime',
  'link-target',
  'link-group',
  'link-count',
  'device',
  'xattrs',
  'content',
] as const;

/** One of {@link DIFFERENCE_FIELDS}. */
export type DifferenceField = (typeof DIFFERENCE_FIELDS)[number];

/**
 * What a difference is about: a name that only one image has, a directory that this user may not list (what is in it is
 * compared with nothing, so the images do not count as equal), or a field of a name that both have.
 */
export type DifferenceKind = 'only-in-subject' | 'only-in-reference' | 'unreadable' | DifferenceField;

/** All kinds in the order in which one path's differences are reported. */
export const DIFFERENCE_KINDS: readonly DifferenceKind[] = [
  'only-in-subject',
  'only-in-reference',
  'unreadable',
  ...DIFFERENCE_FIELDS,
];

/** One difference. */
export interface Difference {
  /** Path from the root without a leading slash; empty for the root. */
  readonly path: ByteString;
  readonly kind: DifferenceKind;
  /**
   * What the subject has; null for nothing. By kind: the inode's type (also for names that one image lacks); `mode` in
   * octal, four digits; `uid`, `gid`, `size`, `link-count` numbers; `mtime` seconds with nine decimals; `link-target` and
   * `link-group` (the first name of the same inode) byte strings; `device` `MAJOR:MINOR`; `xattrs` the value in
   * hexadecimal; `content` the SHA-256 in hexadecimal; `unreadable` the system's error code on the side that has it.
   */
  readonly subject: string | number | null;
  /** What the reference has, likewise. */
  readonly reference: string | number | null;
  /** `xattrs`: the attribute's name. */
  readonly attribute?: ByteString;
  /** `content`: the first byte that differs; absent when it could not be found because a side cannot be read again. */
  readonly offset?: number;
}
