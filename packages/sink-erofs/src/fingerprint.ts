/** Bytes of a piece that enter its fingerprint. */
const SAMPLES = 256;

/**
 * Takes the fingerprint of a piece of data, from its length and some of its bytes.
 *
 * @param bytes - the piece
 * @returns 32 bits, for `FingerprintIndex`
 */
export function fingerprintOf(bytes: Uint8Array): number {
  let hash = Math.imul(bytes.length, 0x9e37_79b1);
  const step = Math.max(1, Math.floor(bytes.length / SAMPLES)) | 1;
  for (let at = bytes.length - 1; at >= 0; at -= step) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
