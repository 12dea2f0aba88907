import { createHash } from 'node:crypto';
import { EntryDamaged } from './entry-damaged.ts';

/** First bytes of every entry; the number is the version of the form. */
const MAGIC = Buffer.from('OCIRLC\0\x01', 'latin1');
const LENGTH_BYTES = 4;
const SUM_BYTES = 32;
/** Largest description: real ones have some hundred bytes. */
const MAX_DESCRIPTION = 64 * 1024;

/** Parts of an entry: what it is, as JSON, and its bytes. */
export interface EntryParts {
  readonly description: Readonly<Record<string, unknown>>;
  readonly payload: Buffer;
}

/**
 * Puts an entry together: magic, length of the description (32 bits, little-endian), description (JSON, UTF-8), payload, and the
 * SHA-256 of all that.
 *
 * @returns the pieces of the file, in order
 */
export function encodeEntry({ description, payload }: EntryParts): Buffer[] {
  const text = Buffer.from(JSON.stringify(description));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(text.length);
  const pieces = [MAGIC, length, text, payload];
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return [...pieces, sum.digest()];
}

/**
 * Takes an entry apart.
 *
 * @param bytes - the whole file; nothing of it is trusted
 * @throws {EntryDamaged} when it is cut, changed, of another version, or none at all
 */
export function decodeEntry(bytes: Buffer): EntryParts {
  const start = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < start + SUM_BYTES) throw new EntryDamaged('it is too short');
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new EntryDamaged('it is of another kind or version');
  const end = bytes.length - SUM_BYTES;
  const sum = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!sum.equals(bytes.subarray(end))) throw new EntryDamaged('its checksum is wrong');
  const length = bytes.readUInt32LE(MAGIC.length);
  if (length > MAX_DESCRIPTION || start + length > end) throw new EntryDamaged('its description is too long');
  return {
    description: parseDescription(bytes.toString('utf8', start, start + length)),
    payload: bytes.subarray(start + length, end),
  };
}

function parseDescription(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EntryDamaged('its description is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EntryDamaged('its description is no object');
  return value as Record<string, unknown>;
}
