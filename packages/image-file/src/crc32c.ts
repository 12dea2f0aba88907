/** Tables for eight bytes at a time, one after the other: entry `256 * k + b` is the CRC of `b` followed by `k` zeros. */
const TABLES = makeTables();

/** CRC-32C of nothing: where the checksums of ext4 and EROFS begin. */
export const CRC_START = 0xffff_ffff;

/**
 * Goes on with a CRC-32C (Castagnoli), neither inverted at the start nor at the end, as ext4 and EROFS use it.
 *
 * @param crc - so far; {@link CRC_START} in the beginning
 * @param bytes - what comes next
 * @param start - first byte
 * @param end - the byte after the last
 * @returns the CRC, 0 to 2^32 - 1
 */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const t = TABLES;
  let c = crc | 0;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    c =
      t[1792 + (c & 255)]! ^
      t[1536 + ((c >>> 8) & 255)]! ^
      t[1280 + ((c >>> 16) & 255)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < end; at++) c = (c >>> 8) ^ t[(c ^ bytes[at]!) & 255]!;
  return c >>> 0;
}

/**
 * Goes on with a CRC-32C over one 32-bit number.
 *
 * @param crc - so far
 * @param value - 0 to 2^32 - 1, taken little endian
 */
export function crc32cOfU32(crc: number, value: number): number {
  let c = crc ^ value;
  for (let i = 0; i < 4; i++) c = (c >>> 8) ^ TABLES[c & 255]!;
  return c >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 0 ? c >>> 1 : (c >>> 1) ^ 0x82f6_3b78;
    tables[byte] = c;
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256]!;
    tables[at] = (shorter >>> 8) ^ tables[shorter & 255]!;
  }
  return tables;
}
