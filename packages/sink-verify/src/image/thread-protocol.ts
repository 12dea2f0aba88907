import { isOcirenderError, OcirenderError, type TimeRange } from '@ocirender/interface';
import type { CompareLimits } from '../compare/limits.ts';
import type { DigestBatch } from './compared-image.ts';
import type { NamesBatch } from './names-batch.ts';

/** Which image to open, and with what. */
export interface ImageLocation {
  /** URL of the module that exports the reader. */
  readonly module: string;
  /** Name of the export. */
  readonly export: string;
  /** The image. */
  readonly path: string;
  /** Threads that the reader may use. */
  readonly threads: number;
  /** Whether the reader refuses what the kernel would not read. @defaultValue false */
  readonly strict?: boolean;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<CompareLimits>;
}

/** What the comparing thread asks for. */
export type Request =
  | { readonly type: 'names' }
  | { readonly type: 'digests'; readonly ids: Float64Array<ArrayBuffer> };

/** What the reading thread answers. */
export type Answer =
  | { readonly type: 'opened'; readonly format: string; readonly times: TimeRange }
  | ({ readonly type: 'names' } & NamesBatch)
  | ({ readonly type: 'digests' } & DigestBatch)
  | { readonly type: 'bytes'; readonly bytes: number }
  /** The request has been answered. */
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly failure: PackedError };

/** An error on its way between threads: copying an `Error` would lose its code. */
export interface PackedError {
  readonly message: string;
  readonly stack: string | undefined;
  /** Of ours: code, hint, offset, limit, … */
  readonly fields: Readonly<Record<string, string | number>> | undefined;
  readonly cause: PackedError | undefined;
}

/** Causes beyond this depth are a loop or noise. */
const MAX_DEPTH = 16;

/**
 * Packs an error for another thread.
 *
 * @param error - anything that was thrown
 * @param depth - for the recursion through its causes, which is bounded
 */
export function packError(error: unknown, depth = 0): PackedError {
  if (!(error instanceof Error)) {
    return { message: String(error), stack: undefined, fields: undefined, cause: undefined };
  }
  const fields = Object.entries(error).filter(
    (entry): entry is [string, string | number] =>
      entry[0] !== 'name' && (typeof entry[1] === 'string' || typeof entry[1] === 'number'),
  );
  return {
    message: error.message,
    stack: error.stack,
    fields: Object.fromEntries(fields),
    cause: error.cause === undefined || depth >= MAX_DEPTH ? undefined : packError(error.cause, depth + 1),
  };
}

/**
 * Makes an error of what another thread packed.
 *
 * @param packed - from {@link packError}
 * @returns an `OcirenderError` with the fields of its kind when it was one of ours, else a plain error
 */
export function unpackError(packed: PackedError): Error {
  const cause = packed.cause === undefined ? undefined : unpackError(packed.cause);
  const plain = new Error(packed.message, cause === undefined ? undefined : { cause });
  if (packed.stack !== undefined) plain.stack = packed.stack;
  Object.assign(plain, packed.fields);
  if (!isOcirenderError(plain)) return plain;
  const { code, hint } = plain;
  const options = { ...(hint === undefined ? {} : { hint }), ...(cause === undefined ? {} : { cause }) };
  return Object.assign(new OcirenderError(code, packed.message, options), packed.fields);
}
