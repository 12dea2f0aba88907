import type { ByteString } from '@ocirender/interface';

/**
 * Writes an xattr's name as libarchive does in `LIBARCHIVE.xattr.` keys: URL-encoded, so that it may hold "=".
 *
 * @param name - the name's bytes
 * @returns printable ASCII without "=" and "%" but in escapes
 */
export function encodeXattrName(name: ByteString): string {
  return name.replace(
    /[^!-$&-<>-~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/**
 * Reads an xattr's name from a `LIBARCHIVE.xattr.` key.
 *
 * @param text - URL-encoded
 * @returns the name's bytes, undefined for a malformed escape
 */
export function decodeXattrName(text: ByteString): ByteString | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Reads an xattr's value from a `LIBARCHIVE.xattr.` record.
 *
 * @param value - base64, with or without padding
 * @returns the value's bytes, undefined when it is malformed
 */
export function decodeXattrValue(value: Buffer): Uint8Array | undefined {
  const text = value.toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64');
}
