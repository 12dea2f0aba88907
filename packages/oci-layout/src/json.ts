import { byteStringFromText, displayPath, LimitError, OcirenderError } from '@ocirender/interface';
import { MAX_JSON_DEPTH } from './limits.ts';

/** A JSON object whose fields nobody has checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Makes the error of a document that is not what the specification allows. */
export function invalidImage(message: string, cause?: unknown): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_INVALID_IMAGE', message, cause === undefined ? {} : { cause });
}

/**
 * Parses a document.
 *
 * @param bytes - UTF-8, with or without a byte order mark
 * @param where - the document's name for messages
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE` when it is not JSON, `ERR_OCIRENDER_LIMIT` when nested too deep
 */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  checkDepth(bytes, where);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalidImage(`${where} is not valid JSON: ${printable(String((error as Error).message))}`, error);
  }
}

/** Bounds the nesting, so that no later consumer (JSON.stringify is one) recurses without end. */
function checkDepth(bytes: Uint8Array, where: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) {
        throw new LimitError('jsonDepth', MAX_JSON_DEPTH, `${where} is nested too deep`, {
          hint: 'It is not a sane document.',
        });
      }
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

/** Checks that a value is an object (and neither null nor an array). */
export function asObject(value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(value, where, 'an object');
  return value as JsonObject;
}

/** Checks that a value is an array of at most `maximum` elements. */
export function asArray(value: unknown, where: string, limit: string, maximum: number): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, where, 'an array');
  if (value.length > maximum) throw new LimitError(limit, maximum, `${where} has ${value.length} elements`);
  return value;
}

/** Checks that a value is a string. */
export function asString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrongType(value, where, 'a string');
  return value;
}

/** Checks that a value is a size: a whole number of bytes that a number holds exactly. */
export function asSize(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw wrongType(value, where, 'a whole number of bytes');
  }
  return value;
}

/** Reads a field of the object itself, never of its prototype; null (which Go writes for empty) is absent. */
export function field(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
}

/** Reads a string field that may be absent. */
export function optionalString(object: JsonObject, name: string, where: string): string | undefined {
  const value = field(object, name);
  return value === undefined ? undefined : asString(value, `${where}.${name}`);
}

function wrongType(value: unknown, where: string, wanted: string): OcirenderError {
  return invalidImage(`${where} must be ${wanted}, but is ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `"${printable(value)}"` : printable(JSON.stringify(value));
}

/** Shortens text from a document and makes it safe for a terminal. */
export function printable(text: string): string {
  return displayPath(byteStringFromText(text.length > 100 ? `${text.slice(0, 100)}…` : text));
}
