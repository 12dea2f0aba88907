import type { DiagnosticHandler, Platform } from '@ocirender/interface';
import type { RegistryEventHandler } from './events.ts';

/** A user's name and password (or access token used as one). */
export interface PasswordCredentials {
  readonly username: string;
  readonly password: string;
}

/** What opens a registry: a password, a refresh ("identity") token, or a ready bearer token. */
export type Credentials =
  | PasswordCredentials
  | { readonly identityToken: string; readonly username?: string }
  | { readonly registryToken: string };

/** TLS of every connection. */
export interface TlsOptions {
  /** PEM certificates trusted besides those of Node and of the system. */
  readonly ca?: string | Uint8Array;
  /** PEM certificate that the client shows. */
  readonly cert?: string | Uint8Array;
  /** PEM private key of `cert`. */
  readonly key?: string | Uint8Array;
  /**
   * Whether the certificate of the registry's own host is checked; those of all others always are. A registry that no
   * reference names (Docker Hub) cannot go unchecked. @defaultValue true
   */
  readonly verify?: boolean;
}

/** How failures that may pass are met. Times are milliseconds. */
export interface RetryOptions {
  /** Tries in a row without progress before giving up. @defaultValue 6 */
  readonly attempts: number;
  /** Wait after the first failure; doubles with each further one, with jitter. @defaultValue 500 */
  readonly backoffMs: number;
  /** Longest wait of its own choice. @defaultValue 30000 */
  readonly maxBackoffMs: number;
  /** Longest wait that a server may ask for with `Retry-After`. @defaultValue 120000 */
  readonly maxRetryAfterMs: number;
  /** @defaultValue 15000 */
  readonly connectTimeoutMs: number;
  /** From request to the answer's headers; for blobs of the registry itself {@link blobTimeoutMs}. @defaultValue 60000 */
  readonly headersTimeoutMs: number;
  /**
   * Waiting for a body's next kibibyte; for blobs twice as long after each failure in a row, up to
   * {@link blobTimeoutMs}. Time that the consumer takes does not count. @defaultValue 30000
   */
  readonly stallTimeoutMs: number;
  /** Longest silence before or within a blob: caches and scanners fetch all of it first. @defaultValue 900000 */
  readonly blobTimeoutMs: number;
  /** Silence after which an event `waiting` is sent, again and again. @defaultValue 60000 */
  readonly noticeMs: number;
  /** Gives a number from 0 to 1 for the jitter. @defaultValue Math.random */
  readonly random: () => number;
}

/** Limits against hostile registries; the names are those of `LayoutLimits` of `@ocirender/oci-layout`. */
export interface RegistryLimits {
  /** Bytes of an index, manifest or config. @defaultValue 4194304 (4 MiB) */
  readonly documentBytes: number;
  /** Indexes within indexes. @defaultValue 8 */
  readonly indexDepth: number;
  /** Descriptors in all indexes together. @defaultValue 2000 */
  readonly manifests: number;
  /** Layers of one image. @defaultValue 4096 */
  readonly layers: number;
}

/** How to talk to registries. */
export interface RegistryOptions {
  /** For the registry itself, not for mirrors. @defaultValue what the credential files say */
  readonly credentials?: Credentials;
  readonly tls?: TlsOptions;
  /** Plain http for the registry, for mirrors and for token servers. @defaultValue false */
  readonly insecure?: boolean;
  /** Mirrors by registry host (`docker.io`), tried in order before the registry itself. A path is put before the repository. */
  readonly mirrors?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Fetches layers that the registry does not hold from the places that the manifest names: over https, without
   * credentials, verified as all others. @defaultValue false
   */
  readonly foreignLayers?: boolean;
  /**
   * Heeds `registries.conf` of Podman and skopeo: mirrors, other locations, insecure and blocked registries, aliases.
   * @defaultValue true
   */
  readonly useRegistriesConf?: boolean;
  readonly retry?: Partial<RetryOptions>;
  readonly limits?: Partial<RegistryLimits>;
  readonly signal?: AbortSignal;
  readonly onEvent?: RegistryEventHandler;
  /** Where credential files, proxies and credential helpers are looked up. @defaultValue process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** How to open an image of a registry. */
export interface OpenRegistryImageOptions extends RegistryOptions {
  /** `linux/arm64`, or the same taken apart. @defaultValue the host's architecture on linux */
  readonly platform?: string | Platform;
  /** Is told when the config names no diff_ids. */
  readonly diagnose?: DiagnosticHandler;
}
