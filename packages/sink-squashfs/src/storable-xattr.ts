import type { ByteString } from '@ocirender/interface';
import { XATTR_PREFIXES } from './format.ts';

/** Longest attribute name after its prefix, in bytes: a 16-bit field. */
const MAX_XATTR_NAME = 0xffff;

/** Longest value that Linux gives to programs, in bytes (`XATTR_SIZE_MAX`). */
const MAX_XATTR_VALUE = 65_536;

/** An attribute as squashfs stores it. */
export interface StorableXattr {
  /** Index of its prefix. */
  readonly type: number;
  /** Its name behind the prefix. */
  readonly name: ByteString;
  readonly value: Uint8Array;
}

/**
 * Tells how squashfs stores an attribute (format.adoc, "Extended Attribute Table").
 *
 * @param full - its name
 * @param value - its value
 * @returns undefined when there is no prefix for it, or Linux could not show it
 */
export function storableXattr(full: ByteString, value: Uint8Array): StorableXattr | undefined {
  const type = XATTR_PREFIXES.findIndex((prefix) => full.startsWith(prefix));
  const name = full.slice(XATTR_PREFIXES[type]?.length);
  const fits = name.length > 0 && name.length <= MAX_XATTR_NAME && value.length <= MAX_XATTR_VALUE;
  return type >= 0 && fits ? { type, name, value } : undefined;
}
