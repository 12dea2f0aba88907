/** What the headers of an `.xz` stream say. */
export interface XzStream {
  /** Number of the integrity check: 0 none, 1 CRC-32, 4 CRC-64, 10 SHA-256. */
  readonly check: number;
  /** Bytes of the dictionary. */
  readonly dictionary: number;
}

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const STREAM_HEADER = 12;
const LZMA2 = 0x21;

/**
 * Reads the headers of a stream and of its first block, without decompressing anything.
 *
 * @param stream - an `.xz` stream
 * @throws Error when it is none
 * @see https://tukaani.org/xz/xz-file-format.txt sections 2.1.1 and 3.1
 */
export function readXzStream(stream: Uint8Array): XzStream {
  if (stream.length < STREAM_HEADER + 8 || MAGIC.some((byte, i) => stream[i] !== byte))
    throw new Error('xz: not a stream');
  const check = (stream[7] as number) & 0x0f;
  const end = STREAM_HEADER + ((stream[STREAM_HEADER] as number) + 1) * 4;
  let at = STREAM_HEADER + 1;
  const next = (): number => {
    if (at >= Math.min(end, stream.length)) throw new Error('xz: the block header is cut short');
    return stream[at++] as number;
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = next();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('xz: a number in the block header is too long');
  };
  const flags = next();
  if ((flags & 0x40) !== 0) number();
  if ((flags & 0x80) !== 0) number();
  for (let filters = (flags & 3) + 1; filters > 0; filters--) {
    const id = number();
    const size = number();
    if (id === LZMA2 && size === 1) return { check, dictionary: dictionarySize(next()) };
    for (let i = 0; i < size; i++) next();
  }
  throw new Error('xz: the block is not LZMA2');
}

/** Section 5.3.1: two bits of mantissa, the rest is the exponent. */
function dictionarySize(bits: number): number {
  return bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** (Math.floor((bits & 0x3f) / 2) + 11);
}
