import type { Compression } from './compression.ts';

/** Bytes wanted for a sure decision: one tar block. */
export const HEAD_BYTES = 512;

const CHECKSUM_OFFSET = 148;
const CHECKSUM_END = 156;

const GZIP: readonly number[] = [0x1f, 0x8b, 0x08];
const ZSTD: readonly number[] = [0x28, 0xb5, 0x2f, 0xfd];
const XZ: readonly number[] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const BZIP2: readonly number[] = [0x42, 0x5a, 0x68];

/**
 * Tells the compression of a stream from its first bytes.
 *
 * LZMA-alone has no magic of its own: only the usual properties byte with a plausible dictionary and size count.
 *
 * @param head - the first bytes; 13 are enough, 4 for everything but xz and lzma
 * @returns the compression, or undefined when the bytes are of no known kind or too few
 */
export function detectCompression(head: Uint8Array): Compression | undefined {
  if (startsWith(head, GZIP)) return 'gzip';
  if (startsWith(head, ZSTD) || isSkippableZstd(head)) return 'zstd';
  if (startsWith(head, XZ)) return 'xz';
  if (startsWith(head, BZIP2) && head.length > 3 && head[3]! >= 0x31 && head[3]! <= 0x39) return 'bzip2';
  if (isPlausibleLzma(head)) return 'lzma';
  return undefined;
}

/**
 * Tells whether a whole input is the beginning of some compression's magic, so that it is truncated rather
 * than of another kind.
 *
 * @param head - the whole input
 * @param compression - the declared compression
 * @returns true when it is too short to tell
 */
export function isCutMagic(head: Uint8Array, compression: Compression): boolean {
  const magic = { gzip: GZIP, zstd: ZSTD, xz: XZ, bzip2: BZIP2, lzma: [0x5d], none: [] }[compression];
  if (compression === 'lzma') return head.length < 13;
  return head.length <= magic.length && head.every((byte, i) => byte === magic[i]);
}

/**
 * Tells whether bytes begin like a tar archive: a header block whose checksum is right, or a block of zeros.
 *
 * @param head - at least 512 bytes, else the answer is no
 * @returns true for a tar
 */
export function looksLikeTar(head: Uint8Array): boolean {
  if (head.length < HEAD_BYTES) return false;
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < HEAD_BYTES; i++) {
    const byte = i >= CHECKSUM_OFFSET && i < CHECKSUM_END ? 0x20 : head[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const field = String.fromCharCode(...head.subarray(CHECKSUM_OFFSET, CHECKSUM_END));
  if (field === '\0'.repeat(8)) return head.subarray(0, HEAD_BYTES).every((byte) => byte === 0);
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field)?.[1];
  if (digits === undefined) return false;
  const stored = Number.parseInt(digits, 8);
  return stored === unsigned || stored === signed;
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return head.length >= magic.length && magic.every((byte, i) => head[i] === byte);
}

function isSkippableZstd(head: Uint8Array): boolean {
  return (
    head.length >= 4 && (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
  );
}

/** The heuristic of the format's own tools: dictionary 2^n or 2^n + 2^(n-1), size unknown or below 256 GiB. */
function isPlausibleLzma(head: Uint8Array): boolean {
  if (head.length < 13 || head[0] !== 0x5d) return false;
  if (head.length > 13 && head[13] !== 0) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const dictionary = view.getUint32(1, true);
  const low = view.getUint32(5, true);
  const high = view.getUint32(9, true);
  const sizeUnknown = low === 0xffffffff && high === 0xffffffff;
  if (!sizeUnknown && high >= 64) return false;
  if (dictionary === 0xffffffff) return true;
  if (dictionary < 4096) return false;
  const lowest = dictionary & -dictionary;
  const rest = (dictionary - (lowest >>> 0)) >>> 0;
  return rest === 0 || rest === (lowest >>> 0) * 2;
}
