import { createHash } from 'node:crypto';

/**
 * Reads a UUID.
 *
 * @param text - 32 hexadecimal digits, with hyphens or without
 * @returns 16 bytes, or undefined when the text is no UUID, or the nil UUID
 */
export function parseUuid(text: string): Uint8Array | undefined {
  const digits = text.replaceAll('-', '');
  const wellFormed =
    /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text) ||
    /^[0-9a-f]{32}$/i.test(text);
  return wellFormed && !/^0+$/.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : undefined;
}

/**
 * Writes a UUID as people do.
 *
 * @param bytes - 16 bytes
 */
export function formatUuid(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Makes a UUID of a name: the same for the same name (version 8 of RFC 9562).
 *
 * @param name - for example a digest
 */
export function uuidFrom(name: string): Uint8Array {
  const bytes = Uint8Array.from(createHash('sha256').update(name).digest().subarray(0, 16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes;
}
