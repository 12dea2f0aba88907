import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { homeOf, OcirenderError } from '@ocirender/interface';
import type { Environment } from './environment.ts';

/** Where systems keep the authorities that they trust, as Go looks for them. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Gives every authority that is trusted without being named: those that come with Node (with `NODE_EXTRA_CA_CERTS` where
 * Node tells them), and the system's, or what `SSL_CERT_FILE` names instead of those.
 *
 * @returns certificates in PEM, each once
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when `SSL_CERT_FILE` cannot be read
 */
export function trustedRoots(environment: Environment): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default' | 'system') => string[] };
  const roots = getCACertificates?.('default') ?? tls.rootCertificates;
  const system = named(environment) ?? systemBundle() ?? getCACertificates?.('system') ?? [];
  return [...new Map([...roots, ...system].map((pem) => [pem.replace(/\s/g, ''), pem])).values()];
}

function named(environment: Environment): readonly string[] | undefined {
  const path = environment['SSL_CERT_FILE'];
  if (path === undefined || path === '') return undefined;
  const certificates = readText(path, 'SSL_CERT_FILE').match(PEM);
  if (certificates !== null) return certificates;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `SSL_CERT_FILE: ${path} holds no certificate in PEM form`);
}

function systemBundle(): readonly string[] | undefined {
  for (const path of SYSTEM_BUNDLES) {
    try {
      return readFileSync(path, 'latin1').match(PEM) ?? [];
    } catch {
      // Another system keeps it elsewhere.
    }
  }
  return undefined;
}

/** What is kept for one server: authorities, and certificates to show. */
export interface HostCertificates {
  readonly ca: readonly string[];
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
}

/**
 * Reads what Docker, Podman and skopeo keep for one server: `certs.d/HOST[:PORT]/` with `*.crt` for authorities, and
 * `NAME.cert` with `NAME.key` to show. The first directory that there is for the server counts.
 *
 * @param host - as addresses spell it, with the port unless it is that of https
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for half a pair and for what cannot be read
 * @see https://github.com/containers/image/blob/v5.24.0/docs/containers-certs.d.5.md
 */
export function hostCertificates(host: string, environment: Environment): HostCertificates | undefined {
  const places = [
    join(environment['XDG_CONFIG_HOME'] || join(homeOf(environment), '.config'), 'containers/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  for (const place of places) {
    const directory = join(place, host);
    const names = listed(directory);
    if (names === undefined) continue;
    const read = (name: string): string => readText(join(directory, name), "a registry's certificates");
    const ending = (end: string): string[] => names.filter((name) => name.endsWith(end));
    for (const key of ending('.key')) {
      if (!names.includes(key.replace(/\.key$/, '.cert'))) throw half(join(directory, key), '.cert');
    }
    return {
      ca: ending('.crt').flatMap((name) => read(name).match(PEM) ?? []),
      pairs: ending('.cert').map((cert) => {
        const key = cert.replace(/\.cert$/, '.key');
        if (!names.includes(key)) throw half(join(directory, cert), '.key');
        return { cert: read(cert), key: read(key) };
      }),
    };
  }
  return undefined;
}

function listed(directory: string): string[] | undefined {
  try {
    return readdirSync(directory).sort();
  } catch {
    return undefined;
  }
}

function half(path: string, missing: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', `${path} has no ${missing} beside it`, {
    hint: 'A certificate to show is NAME.cert with NAME.key; authorities end in .crt.',
  });
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${what}: ${path} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
