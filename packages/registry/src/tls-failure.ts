import type { OcirenderError, OcirenderErrorOptions } from '@ocirender/interface';
import { networkError, quotedFromServer } from './errors.ts';

const CERTIFICATE =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)/;

/** What another tool's name for an alert says of our certificate. */
const CLIENT_CERTIFICATE: readonly (readonly [RegExp, string])[] = [
  [/CERTIFICATE_REQUIRED/, 'the server wants a client certificate'],
  [/CERTIFICATE_EXPIRED/, 'the server says that the client certificate has expired'],
  [/CERTIFICATE_REVOKED/, 'the server says that the client certificate is revoked'],
  [/UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN/, 'the server does not accept the client certificate'],
];

const CLIENT_CERTIFICATE_HINT =
  'Show one that it accepts with --client-cert and --client-key (options tls.cert and tls.key).';

/** Whether an error of a connection is one of TLS. */
export function isTlsFailure(error: Error, code: string): boolean {
  return (
    CERTIFICATE.test(code) ||
    code.startsWith('ERR_SSL_') ||
    code === 'EPROTO' ||
    /\bSSL routines\b/.test(error.message)
  );
}

/**
 * Says what is wrong between us and a server that was to speak TLS, with the advice for this kind.
 *
 * @param error - as OpenSSL or Node gives it
 * @param code - its code, empty where it has none
 * @param where - the address, without secrets
 */
export function tlsFailure(error: Error, code: string, where: string): OcirenderError {
  if (CERTIFICATE.test(code)) return certificateFailure(error, code, where);
  // The message of OpenSSL is a line with its internals and a line end.
  if (/wrong.version.number|packet length too long|http request/i.test(`${code} ${error.message}`)) {
    return networkError(`${where}: the server does not speak TLS`, {
      hint: 'If it is a plain http server that you trust, use --insecure (option insecure).',
    });
  }
  const alert = CLIENT_CERTIFICATE.find(([pattern]) => pattern.test(code));
  if (alert !== undefined) {
    return networkError(`${where}: ${alert[1]}`, { hint: CLIENT_CERTIFICATE_HINT });
  }
  return networkError(`${where}: TLS failed: ${code === '' ? error.message.trim() : code}`, {
    ...(/HANDSHAKE_FAILURE/.test(code) && {
      hint: `The server may want a client certificate. ${CLIENT_CERTIFICATE_HINT}`,
    }),
  });
}

function certificateFailure(error: Error, code: string, where: string): OcirenderError {
  const fail = (what: string, hint: string): OcirenderError => {
    const options: OcirenderErrorOptions = { cause: error, hint };
    return networkError(`${where}: ${what}`, options);
  };
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return fail(
        "the server's certificate, or one that it is signed with, has expired",
        `Whoever runs the server must renew it. It is ${new Date().toISOString().slice(0, 10)} by this machine's clock.`,
      );
    case 'CERT_NOT_YET_VALID':
      return fail(
        "the server's certificate is not valid yet",
        `Check this machine's clock: it says ${new Date().toISOString()}.`,
      );
    case 'CERT_REVOKED':
      return fail("the server's certificate is revoked", 'Do not trust it: whoever runs it must replace it.');
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return fail(
        `the server's certificate is for another name: ${quotedFromServer(error.message)}`,
        'Reach the server under a name for which its certificate is.',
      );
    default:
      return fail(
        `the server's certificate is not trusted: ${error.message}`,
        'Name the authority that signed it with --ca-cert (option tls.ca), or in the file of NODE_EXTRA_CA_CERTS.',
      );
  }
}
