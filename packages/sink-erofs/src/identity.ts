import { parseUuid, uuidFrom } from '@ocirender/image-file';
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
 * Chooses the UUID of the volume.
 *
 * @param text - 32 hexadecimal digits, with or without hyphens; undefined: one derived from the seed
 * @param seed - what identifies the image
 * @returns 16 bytes
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` when the text is no UUID
 */
export function chooseUuid(text: string | undefined, seed: string): Uint8Array {
  if (text === undefined) return uuidFrom(`ocirender erofs ${seed}`);
  const uuid = parseUuid(text);
  if (uuid !== undefined) return uuid;
  throw new OcirenderError(
    'ERR_OCIRENDER_INVALID_OPTION',
    `sink erofs: option "uuid": ${JSON.stringify(text)} is not a UUID`,
  );
}
