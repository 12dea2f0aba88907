import { byteStringFromText, byteStringToBytes, OcirenderError } from '@ocirender/interface';

/** The format has 16 bytes, the last of which Linux wants to be NUL. */
const MAX_LABEL = 15;

/**
 * Reads a volume label.
 *
 * @param text - any text of at most 15 bytes of UTF-8
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` when it is longer
 */
export function parseLabel(text: string): Uint8Array {
  const bytes = byteStringToBytes(byteStringFromText(text));
  if (bytes.length <= MAX_LABEL && !bytes.includes(0)) return bytes;
  throw new OcirenderError(
    'ERR_OCIRENDER_INVALID_OPTION',
    `sink erofs: option "label": ${JSON.stringify(text)} is not text of at most ${MAX_LABEL} bytes without NUL`,
  );
}

/**
 * Reads a UUID.
 *
 * @param text - 32 hexadecimal digits, with or without hyphens
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` when it is none
 */
export function parseUuid(text: string): Uint8Array {
  if (/^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/i.test(text))
    return Buffer.from(text.replaceAll('-', ''), 'hex');
  throw new OcirenderError(
    'ERR_OCIRENDER_INVALID_OPTION',
    `sink erofs: option "uuid": ${JSON.stringify(text)} is not a UUID`,
  );
}

/**
 * Derives a UUID from an image's digest: its first bytes, marked as a UUID of one's own making (RFC 9562, version 8).
 *
 * @param digest - `sha256:…`; undefined gives the nil UUID
 */
export function uuidFromDigest(digest: string | undefined): Uint8Array {
  const uuid = Buffer.alloc(16);
  const hex = /^[a-z0-9+._-]+:([0-9a-f]{32})/i.exec(digest ?? '')?.[1];
  if (hex === undefined) return uuid;
  uuid.write(hex, 'hex');
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return uuid;
}
