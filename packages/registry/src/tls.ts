import { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { OcirenderError } from '@ocirender/interface';
import type { Environment } from './environment.ts';
import type { TlsOptions } from './options.ts';
import { hostCertificates, trustedRoots } from './trust.ts';

/**
 * TLS settings by server, each made once and when it is first needed: reading hundreds of authorities takes
 * milliseconds.
 */
export class TlsContexts {
  readonly #options: TlsOptions;
  readonly #environment: Environment;
  readonly #own: readonly string[];
  readonly #made = new Map<string, tls.SecureContext>();
  #roots: readonly string[] | undefined;

  /** @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is no certificate or no key, or does not belong together */
  constructor(options: TlsOptions | undefined, environment: Environment) {
    this.#options = options ?? {};
    this.#environment = environment;
    const { ca, cert, key } = this.#options;
    if ((cert === undefined) !== (key === undefined)) {
      throw usage('a client certificate and its key must be given together');
    }
    this.#own = ca === undefined ? [] : certificates(ca, 'the CA certificate');
    if (cert === undefined || key === undefined) return;
    certificates(cert, 'the client certificate');
    if (/ENCRYPTED/.test(text(key))) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', 'the key of the client certificate is encrypted', {
        hint: 'Decrypt it into a file that only you can read: openssl pkey -in KEY -out DECRYPTED.',
      });
    }
    createContext({ cert: text(cert), key: text(key) });
  }

  /** For proxies and everything that has no business with a certificate of ours. */
  get others(): tls.SecureContext {
    return this.#get('', {});
  }

  /**
   * For one server: with what `certs.d` keeps for it, and for the registry itself with the client certificate.
   *
   * @param host - with the port unless it is that of https
   * @param isRegistry - whether it is the registry's own host
   */
  for(host: string, isRegistry: boolean): tls.SecureContext {
    const kept = hostCertificates(host, this.#environment);
    const { cert, key } = isRegistry ? this.#options : {};
    // What was named for this run counts more than what is kept.
    const shown =
      cert === undefined || key === undefined ? (kept?.pairs ?? []) : [{ cert: text(cert), key: text(key) }];
    if (kept === undefined && shown.length === 0) return this.others;
    return this.#get(`${host} ${isRegistry}`, {
      authorities: kept?.ca ?? [],
      cert: shown.map((pair) => pair.cert),
      key: shown.map((pair) => pair.key),
    });
  }

  #get(
    name: string,
    {
      authorities = [],
      cert = [],
      key = [],
    }: { authorities?: readonly string[]; cert?: string[]; key?: string[] },
  ): tls.SecureContext {
    let context = this.#made.get(name);
    if (context === undefined) {
      this.#roots ??= trustedRoots(this.#environment);
      const ca = [...this.#roots, ...this.#own, ...authorities];
      context = createContext({ ca, ...(cert.length === 0 ? {} : { cert, key }) });
      this.#made.set(name, context);
    }
    return context;
  }
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
