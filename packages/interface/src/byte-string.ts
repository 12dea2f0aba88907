import { escapeCharacter, printable } from './printable.ts';

/**
 * A string that holds one byte per character (`\u0000`..`\u00ff`, "latin1").
 *
 * Paths, link targets and xattr names in a filesystem are bytes, not text. Held this way no name is ever
 * mangled, equality and `<` compare bytewise, and `Map` look-ups stay cheap. Turn one into readable text
 * with {@link displayPath}; never decode one as UTF-8 on the data path.
 */
export type ByteString = string;

/**
 * Gives the byte string of raw bytes.
 *
 * @param bytes - any bytes
 * @returns one character per byte
 */
export function bytesToByteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/**
 * Gives the raw bytes of a byte string.
 *
 * @param value - one character per byte
 * @returns a fresh array, one byte per character
 */
export function byteStringToBytes(value: ByteString): Uint8Array {
  return Buffer.from(value, 'latin1');
}

/**
 * Gives the byte string of text: its UTF-8 bytes.
 *
 * @param text - ordinary text, for example a command-line argument
 * @returns one character per UTF-8 byte
 */
export function byteStringFromText(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Makes a byte string readable for messages: decoded as UTF-8 when it is valid; what
 * {@link printable} escapes, backslashes and undecodable bytes escaped (`\xNN`, `\u{…}`), so that no name
 * can forge terminal output. Not for the data path.
 *
 * @param value - a path, link target or xattr name
 * @returns printable text
 */
export function displayPath(value: ByteString): string {
  const bytes = Buffer.from(value, 'latin1');
  const text = bytes.toString('utf8');
  const faithful = Buffer.from(text, 'utf8').equals(bytes) ? text : value;
  const asBytes = faithful !== text;
  const escaped = printable(faithful.replaceAll('\\', '\\\\')).replaceAll('\ufffd', escapeCharacter);
  return asBytes ? escaped.replace(/[\u00a0-\u00ff]/g, escapeCharacter) : escaped;
}
