import { isOcirenderError, type OcirenderError } from '@ocirender/interface';
import { networkError, Transient } from './errors.ts';

/** System errors that another try does not mend. */
const PERMANENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'EACCES', 'EPERM', 'EINVAL', 'ERR_INVALID_URL']);

const CERTIFICATE =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)/;

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
 * @returns what is to be thrown
 */
export function describeNetworkFailure(error: unknown, where: string): Transient | OcirenderError {
  if (error instanceof Transient || isOcirenderError(error)) return error;
  const cause = innermost(error);
  const code = codeOf(cause);
  if (isTls(cause, code)) return tlsError(cause, code, where);
  const refusedBy = /^Proxy response \((\d+)\)/.exec(cause.message)?.[1];
  if (refusedBy?.startsWith('4')) return networkError(`${where}: the proxy refuses with status ${refusedBy}`);
  const message = `${where}: ${(Object.hasOwn(WORDS, code) ? WORDS[code] : undefined) ?? cause.message}`;
  const failure = networkError(message, { cause });
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

function isTls(error: Error, code: string): boolean {
  return (
    CERTIFICATE.test(code) ||
    code.startsWith('ERR_SSL_') ||
    code === 'EPROTO' ||
    /\bSSL routines\b/.test(error.message)
  );
}

function tlsError(error: Error, code: string, where: string): OcirenderError {
  if (CERTIFICATE.test(code)) {
    return networkError(`${where}: the server's certificate is not trusted: ${error.message}`, {
      cause: error,
      hint: 'Name the authority that signed it with --ca-cert (option tls.ca).',
    });
  }
  // The message of OpenSSL is a line with its internals and a line end.
  if (/wrong.version.number|packet length too long|http request/i.test(`${code} ${error.message}`)) {
    return networkError(`${where}: the server does not speak TLS`, {
      hint: 'If it is a plain http server that you trust, use --insecure (option insecure).',
    });
  }
  const mayWantCertificate = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA/.test(code);
  return networkError(
    `${where}: TLS failed: ${code === '' ? error.message.trim() : code}`,
    mayWantCertificate ? { hint: CLIENT_CERTIFICATE_HINT } : {},
  );
}

const CLIENT_CERTIFICATE_HINT =
  'The server may want a client certificate: --client-cert and --client-key (options tls.cert and tls.key).';
