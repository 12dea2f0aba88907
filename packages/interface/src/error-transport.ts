import { DigestMismatchError, FormatError, LimitError, OcirenderError } from './errors.ts';

/** An error as plain data: what a thread can post to another, and what the other can make the same error of. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own fields: `code`, `hint`, `offset`, `errno` and so on. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  readonly cause: PackedError | undefined;
}

/** Causes below a cause that are kept. */
const MAX_CAUSES = 8;

const CLASSES: Readonly<Record<string, { readonly prototype: OcirenderError }>> = {
  OcirenderError,
  FormatError,
  DigestMismatchError,
  LimitError,
};

/**
 * Takes an error apart.
 *
 * @param error - anything that was thrown
 * @returns plain data, for {@link unpackError}
 */
export function packError(error: unknown): PackedError {
  return pack(error, 0);
}

function pack(error: unknown, depth: number): PackedError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const fields: Record<string, string | number | boolean> = {};
  for (const [field, value] of Object.entries(error instanceof Error ? error : {})) {
    if (field === 'name') continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      fields[field] = value;
  }
  const isLast = cause === undefined || depth === MAX_CAUSES;
  return { name, message, stack, fields, cause: isLast ? undefined : pack(cause, depth + 1) };
}

/**
 * Makes the error again that was taken apart.
 *
 * @param packed - what {@link packError} gave
 * @returns an error of the same class, as far as it is one of this package's, with the same fields
 */
export function unpackError(packed: PackedError): Error {
  const { name, message, stack, fields, cause } = packed;
  const error = new Error(message, cause === undefined ? undefined : { cause: unpackError(cause) });
  const { prototype } = CLASSES[name] ?? {};
  if (prototype !== undefined) Object.setPrototypeOf(error, prototype);
  if (stack !== undefined) error.stack = stack;
  if (prototype !== undefined) return Object.assign(error, { name, hint: undefined }, fields);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  return Object.assign(error, fields);
}
