import { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { OcirenderError } from '@ocirender/interface';
import type { TlsOptions } from './options.ts';

/** Prepared TLS settings, for the registry's own host and for all others. */
export interface TlsContexts {
  /** Shows the client certificate. */
  readonly registry: tls.SecureContext;
  /** Shows none: blob stores, token servers elsewhere and proxies have no business with it. */
  readonly others: tls.SecureContext;
}

/**
 * Prepares TLS once: reading the root certificates anew for each connection takes milliseconds.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is no certificate or no key, or does not belong together
 */
export function tlsContexts(options: TlsOptions | undefined): TlsContexts {
  const { ca, cert, key } = options ?? {};
  if ((cert === undefined) !== (key === undefined)) {
    throw usage('a client certificate and its key must be given together');
  }
  const roots =
    ca === undefined ? {} : { ca: [...defaultRoots(), ...certificates(ca, 'the CA certificate')] };
  const others = createContext(roots);
  if (cert === undefined || key === undefined) return { registry: others, others };
  certificates(cert, 'the client certificate');
  if (/ENCRYPTED/.test(text(key))) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'the key of the client certificate is encrypted', {
      hint: 'Decrypt it into a file that only you can read: openssl pkey -in KEY -out DECRYPTED.',
    });
  }
  return { registry: createContext({ ...roots, cert: text(cert), key: text(key) }), others };
}

/** What Node trusts by default; with the certificates of NODE_EXTRA_CA_CERTS where Node tells them (22.15 on). */
function defaultRoots(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? tls.rootCertificates;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Splits a bundle. Node ignores silently what is no certificate; a user wants to know. */
function certificates(pem: string | Uint8Array, what: string): string[] {
  const found = text(pem).match(PEM) ?? [];
  if (found.length === 0) throw usage(`${what} is not a certificate in PEM form`);
  for (const certificate of found) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw usage(`${what} cannot be read: ${(error as Error).message}`, error);
    }
  }
  return found;
}

function createContext(options: tls.SecureContextOptions): tls.SecureContext {
  try {
    return tls.createSecureContext(options);
  } catch (error) {
    throw usage(`the client certificate or its key cannot be used: ${(error as Error).message}`, error);
  }
}

function text(pem: string | Uint8Array): string {
  return typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1');
}

function usage(message: string, cause?: unknown): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', message, cause === undefined ? {} : { cause });
}
