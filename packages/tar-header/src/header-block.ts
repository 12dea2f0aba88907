import { type ByteString, displayPath, FormatError } from '@ocirender/interface';
import {
  BLOCK_SIZE,
  CHECKSUM,
  DEV_MAJOR,
  DEV_MINOR,
  type Field,
  GNU_ATIME,
  GNU_CTIME,
  LINKNAME,
  MAGIC,
  NAME,
  PREFIX,
  STAR_PREFIX,
  STAR_TRAILER_OFFSET,
  TYPE_GNU_LONG_LINK,
  TYPE_GNU_LONG_NAME,
  TYPE_PAX,
  TYPE_PAX_GLOBAL,
  TYPE_SOLARIS_PAX,
  TYPEFLAG_OFFSET,
} from './format.ts';
import { parseNumber } from './numbers.ts';

/** Which dialect a header block is written in. */
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

const USTAR: readonly number[] = [...Buffer.from('ustar')];
const GNU_VERSION: readonly number[] = [...Buffer.from('  \0')];
const STAR_TRAILER: readonly number[] = [...Buffer.from('tar\0')];

/** Result of {@link checkBlock}. */
export type BlockKind = 'header' | 'zero' | 'bad-checksum';

/**
 * Verifies a header block's checksum: the sum of its bytes with the checksum field blank, unsigned as POSIX
 * says or signed as old Unix systems computed it.
 *
 * @param block - the block
 * @returns `zero` for a block of NULs
 */
export function checkBlock(block: Uint8Array): BlockKind {
  let sum = 0;
  for (let index = 0; index < BLOCK_SIZE; index++) sum += block[index]!;
  if (sum === 0) return 'zero';
  const end = CHECKSUM.offset + CHECKSUM.length;
  for (let index = CHECKSUM.offset; index < end; index++) sum += 0x20 - block[index]!;
  const stored = parseNumber(block, CHECKSUM.offset, CHECKSUM.length);
  if (sum === stored) return 'header';
  for (let index = 0; index < BLOCK_SIZE; index++) {
    if (block[index]! >= 0x80 && (index < CHECKSUM.offset || index >= end)) sum -= 256;
  }
  return sum === stored ? 'header' : 'bad-checksum';
}

/**
 * Tells the dialect of a header block.
 *
 * @param block - the block
 * @returns the dialect; anything without a known magic is V7
 */
export function dialectOf(block: Uint8Array): Dialect {
  if (!hasBytes(block, MAGIC.offset, USTAR)) return 'v7';
  if (hasBytes(block, MAGIC.offset + USTAR.length, GNU_VERSION)) return 'gnu';
  if (block[MAGIC.offset + USTAR.length] !== 0) return 'v7';
  return hasBytes(block, STAR_TRAILER_OFFSET, STAR_TRAILER) ? 'star' : 'ustar';
}

function hasBytes(block: Uint8Array, offset: number, expected: readonly number[]): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (block[offset + index] !== expected[index]) return false;
  }
  return true;
}

/** A header block, to be asked for its fields. */
export class HeaderBlock {
  readonly block: Buffer;
  /** Where the block is in the stream. */
  readonly offset: number;
  readonly dialect: Dialect;
  /** Character code of the type flag. */
  readonly type: number;
  /** The entry's path for messages, where another header gives it. */
  entryPath: ByteString | undefined;

  constructor(block: Buffer, offset: number) {
    this.block = block;
    this.offset = offset;
    this.dialect = dialectOf(block);
    this.type = block[TYPEFLAG_OFFSET]!;
  }

  /** Tells whether the block begins a PAX or long-name header rather than an entry. */
  isPreamble(): boolean {
    switch (this.type) {
      case TYPE_PAX:
      case TYPE_SOLARIS_PAX:
      case TYPE_PAX_GLOBAL:
      case TYPE_GNU_LONG_NAME:
      case TYPE_GNU_LONG_LINK:
        return true;
    }
    return false;
  }

  /** The name, with the prefix in the dialects that have one. */
  path(): ByteString {
    const name = this.string(NAME);
    const prefix = this.#prefix();
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  linkName(): ByteString {
    return this.string(LINKNAME);
  }

  /**
   * Reads a numeric field.
   *
   * @throws {FormatError} when it is malformed, or outside of the range
   */
  number(field: Field, what: string, minimum: number, maximum: number): number {
    const value = parseNumber(this.block, field.offset, field.length);
    if (value >= minimum && value <= maximum) return value;
    const shown = Number.isNaN(value) ? JSON.stringify(this.string(field)) : String(value);
    throw new FormatError(
      `tar: "${displayPath(this.entryPath ?? this.path())}": the header's ${what} is ${shown}; allowed: ${minimum} to ${maximum}`,
      this.offset + field.offset,
    );
  }

  /** V7 headers have no device numbers. */
  device(which: 'major' | 'minor', maximum: number): number {
    if (this.dialect === 'v7') return 0;
    return this.number(which === 'major' ? DEV_MAJOR : DEV_MINOR, `device ${which} number`, 0, maximum);
  }

  /** Reads a field up to its first NUL. */
  string(field: Field): ByteString {
    const { block } = this;
    const limit = field.offset + field.length;
    let end = field.offset;
    while (end < limit && block[end] !== 0) end++;
    return end === field.offset ? '' : block.toString('latin1', field.offset, end);
  }

  #prefix(): ByteString {
    switch (this.dialect) {
      case 'ustar':
        return this.string(PREFIX);
      case 'star':
        return this.string(STAR_PREFIX);
      case 'gnu':
        return this.#misplacedPrefix();
      case 'v7':
        return '';
    }
  }

  /**
   * Go before 1.8 (and so old Docker versions) wrote a POSIX prefix into GNU headers. As in Go's own reader:
   * what cannot be GNU's two times there, and is ASCII, is a prefix.
   */
  #misplacedPrefix(): ByteString {
    const { block } = this;
    if (block[GNU_ATIME.offset] === 0 && block[GNU_CTIME.offset] === 0) return '';
    const times = [GNU_ATIME, GNU_CTIME].map(({ offset, length }) => parseNumber(block, offset, length));
    if (!times.some((time) => Number.isNaN(time))) return '';
    const prefix = this.string(PREFIX);
    return /[\u0080-\u00ff]/.test(prefix) ? '' : prefix;
  }
}
