import { isOcirenderError, type OcirenderError } from '@ocirender/interface';
import { errors } from 'undici';
import { networkError, SPEAKS_TLS_HINT, Transient } from './errors.ts';
import { isTlsFailure, tlsFailure } from './tls-failure.ts';

/** System errors that another try does not mend. */
const PERMANENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'EACCES', 'EPERM', 'EINVAL', 'ERR_INVALID_URL']);

/** How servers that speak TLS end connections of those that do not. */
const ENDED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** What happened, by the library's codes, where its own words do not say it well. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'the connection was closed early',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the body has another length than its header says',
  UND_ERR_HEADERS_OVERFLOW: 'the headers are too long',
};

/**
 * Turns what the HTTP library threw into a `Transient` failure or a final error.
 *
 * @param error - the library's error, or the reason of our own abort
 * @param where - the address, without secrets
 * @param isAnswered - whether the server has sent headers already
 * @returns what is to be thrown
 */
export function describeNetworkFailure(
  error: unknown,
  where: string,
  isAnswered = false,
): Transient | OcirenderError {
  if (error instanceof Transient || isOcirenderError(error)) return error;
  const cause = innermost(error);
  const code = codeOf(cause);
  if (isTlsFailure(cause, code)) return tlsFailure(cause, code, where);
  const refusedBy = /^Proxy response \((\d+)\)/.exec(cause.message)?.[1];
  if (refusedBy?.startsWith('4')) return networkError(`${where}: the proxy refuses with status ${refusedBy}`);
  const message = `${where}: ${(Object.hasOwn(WORDS, code) ? WORDS[code] : undefined) ?? cause.message}`;
  const isPlain = !isAnswered && where.startsWith('http:');
  // The first bytes of an answer in TLS are no HTTP.
  if (isPlain && cause instanceof errors.HTTPParserError) {
    return networkError(`${where}: the server does not answer in HTTP`, { cause, hint: SPEAKS_TLS_HINT });
  }
  const failure = networkError(message, {
    cause,
    ...(isPlain && ENDED.has(code) && { hint: SPEAKS_TLS_HINT }),
  });
  return PERMANENT.has(code) ? failure : new Transient(failure);
}

/** `AggregateError` of several addresses and wrapped proxy errors: the first one below tells what happened. */
function innermost(error: unknown): Error {
  let level = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < 8; depth++) {
    const below: unknown = level instanceof AggregateError ? level.errors[0] : level.cause;
    if (!(below instanceof Error)) break;
    level = below;
  }
  return level;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
