/** The codes of the errors that ocirender's own packages raise. Closed: a new one is a minor release. */
export type OcirenderErrorCode =
  /** The caller passed something that cannot be. */
  | 'ERR_OCIRENDER_USAGE'
  /** The operation was aborted through its signal. */
  | 'ERR_OCIRENDER_ABORTED'
  /** A file or directory could not be read or written; `cause` is the system's error. */
  | 'ERR_OCIRENDER_IO'
  /** The output exists and may not be replaced. */
  | 'ERR_OCIRENDER_OUTPUT_EXISTS'
  /** Bytes do not follow their format. */
  | 'ERR_OCIRENDER_FORMAT'
  /** Input ends early. */
  | 'ERR_OCIRENDER_TRUNCATED'
  /** A digest differs from what was promised. */
  | 'ERR_OCIRENDER_DIGEST_MISMATCH'
  /** A blob's size differs from its descriptor's. */
  | 'ERR_OCIRENDER_SIZE_MISMATCH'
  /** A digest string is malformed or of an unsupported algorithm. */
  | 'ERR_OCIRENDER_INVALID_DIGEST'
  /** A limit that protects against hostile input was met. */
  | 'ERR_OCIRENDER_LIMIT'
  /** No image, tag, manifest or blob of that name. */
  | 'ERR_OCIRENDER_NOT_FOUND'
  /** The image has nothing for the platform. */
  | 'ERR_OCIRENDER_NO_PLATFORM'
  /** More than one image fits the reference. */
  | 'ERR_OCIRENDER_AMBIGUOUS'
  /** A manifest, index or config is not what the specification allows. */
  | 'ERR_OCIRENDER_INVALID_IMAGE'
  /** A media type or compression that nothing here can read. */
  | 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE'
  /** A whiteout with an empty or impossible name. */
  | 'ERR_OCIRENDER_INVALID_WHITEOUT'
  /** A hard link that cannot be made: to a directory, or to nothing. */
  | 'ERR_OCIRENDER_INVALID_HARDLINK'
  /** A symbolic link that no filesystem of Linux can hold: without a target, or with one of more than 4095 bytes. */
  | 'ERR_OCIRENDER_INVALID_SYMLINK'
  /** A name that climbs out of the root. */
  | 'ERR_OCIRENDER_PATH_ESCAPE'
  /** Entries of an image contradict each other (an entry below a regular file, a refused kind). */
  | 'ERR_OCIRENDER_CONFLICT'
  /** Too many symbolic links on the way to a path. */
  | 'ERR_OCIRENDER_SYMLINK_LOOP'
  /** A registry or token server wants credentials, or refuses those that it was given. */
  | 'ERR_OCIRENDER_AUTH'
  /** A server could not be reached, or the connection broke again and again. */
  | 'ERR_OCIRENDER_NETWORK'
  /** A registry answered with an error, or with what the protocol does not allow. */
  | 'ERR_OCIRENDER_REGISTRY'
  /** The output cannot be rewound, and the image needs its contents in another order. */
  | 'ERR_OCIRENDER_PLAN_REQUIRED'
  /** No sink of that name is installed, or a plugin's sink is not usable. */
  | 'ERR_OCIRENDER_UNKNOWN_SINK'
  /** A sink's option is unknown or its value impossible. */
  | 'ERR_OCIRENDER_INVALID_OPTION';

/** Codes that sinks add for what only their format knows. */
export type SinkErrorCode = `ERR_OCIRENDER_SINK_${string}`;

/** What every error can carry besides its message. */
export interface OcirenderErrorOptions {
  /** What the user can do about it: one sentence. */
  hint?: string;
  /** The error below. */
  cause?: unknown;
}

/**
 * The base of every error that is the input's, the environment's or the caller's fault.
 *
 * Test `code`, never `instanceof`: a plugin may bring its own copy of this package.
 */
export class OcirenderError extends Error {
  override readonly name: string = 'OcirenderError';
  readonly code: OcirenderErrorCode | SinkErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: OcirenderErrorCode | SinkErrorCode,
    message: string,
    options: OcirenderErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Bytes that do not follow their format. */
export class FormatError extends OcirenderError {
  override readonly name = 'FormatError';
  /** Where in the stream or file, in bytes from its start. */
  readonly offset: number;

  constructor(
    message: string,
    offset: number,
    options: OcirenderErrorOptions & { code?: 'ERR_OCIRENDER_FORMAT' | 'ERR_OCIRENDER_TRUNCATED' } = {},
  ) {
    super(options.code ?? 'ERR_OCIRENDER_FORMAT', `${message} (at byte ${offset})`, options);
    this.offset = offset;
  }
}

/** A blob or layer whose bytes are not those that its digest promises. */
export class DigestMismatchError extends OcirenderError {
  override readonly name = 'DigestMismatchError';
  readonly expected: string;
  readonly actual: string;

  constructor(what: string, expected: string, actual: string, options: OcirenderErrorOptions = {}) {
    super('ERR_OCIRENDER_DIGEST_MISMATCH', `${what}: expected digest ${expected}, got ${actual}`, {
      hint: 'The data is damaged or was changed; fetch the image again.',
      ...options,
    });
    this.expected = expected;
    this.actual = actual;
  }
}

/** A limit that was met; each limit is an option of the call that raised it. */
export class LimitError extends OcirenderError {
  override readonly name = 'LimitError';
  /** The option's name. */
  readonly limit: string;
  /** The value in force, in the option's unit. */
  readonly maximum: number;

  constructor(limit: string, maximum: number, message: string, options: OcirenderErrorOptions = {}) {
    super('ERR_OCIRENDER_LIMIT', `${message} (limit ${limit}: ${maximum})`, {
      hint: `If the input is trustworthy, raise the limit ${limit}.`,
      ...options,
    });
    this.limit = limit;
    this.maximum = maximum;
  }
}

/**
 * Tells whether a thrown value is one of ours, whichever copy of this package made it.
 *
 * @param error - anything that was thrown
 * @returns true when it has an `ERR_OCIRENDER_*` code
 */
export function isOcirenderError(error: unknown): error is OcirenderError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('ERR_OCIRENDER_')
  );
}

/**
 * Throws the typed error of an aborted signal.
 *
 * @param signal - the caller's signal, if any
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED` when it is aborted
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal.reason);
}

/**
 * Makes the typed error of an abort.
 *
 * @param reason - the signal's reason
 * @returns the error; an ocirender error that was the reason is given back as it is
 */
export function abortedError(reason: unknown): OcirenderError {
  if (isOcirenderError(reason)) return reason;
  return new OcirenderError('ERR_OCIRENDER_ABORTED', 'the operation was aborted', { cause: reason });
}
