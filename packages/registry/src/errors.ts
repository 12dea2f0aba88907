import { OcirenderError, type OcirenderErrorOptions } from '@ocirender/interface';

/** Longest text of a server that a message quotes. */
const MAX_QUOTED = 300;

/**
 * A failure that may pass: the connection broke, or the server asks to come again. Never leaves this package: what
 * is thrown in the end is `error`.
 */
export class Transient extends Error {
  readonly error: OcirenderError;
  /** What the server asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(error: OcirenderError, retryAfterMs?: number) {
    super(error.message);
    this.error = error;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Advice where plain http was spoken to what may be a port for TLS. */
export const SPEAKS_TLS_HINT = 'If the server speaks TLS, leave --insecure (option insecure) out.';

/** The error of a connection that broke or never came about. */
export function networkError(message: string, options?: OcirenderErrorOptions): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_NETWORK', message, options);
}

/** The error of an answer that the protocol does not allow. */
export function registryError(message: string, options?: OcirenderErrorOptions): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_REGISTRY', message, options);
}

/** The error of credentials that are missing, malformed or refused. */
export function authError(message: string, options?: OcirenderErrorOptions): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_AUTH', message, options);
}

/** An address without what may be secret: user, password, query (signatures of blob stores), fragment. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** A server's text on one line, without control characters, shortened. */
export function quotedFromServer(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return clean.length > MAX_QUOTED ? `${clean.slice(0, MAX_QUOTED)}…` : clean;
}

/** Replaces secrets by a word, wherever a server or a program repeats them. */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret !== undefined && secret.length >= 4) redacted = redacted.replaceAll(secret, '[redacted]');
  }
  return redacted;
}
