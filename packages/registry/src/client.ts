import { OcirenderError, throwIfAborted } from '@ocirender/interface';
import type { LayoutLimits } from '@ocirender/oci-layout';
import { verifyingStream } from '@ocirender/oci-layout';
import { Authenticator } from './auth/authenticator.ts';
import { type BlobServer, streamBlob } from './blob-stream.ts';
import { configuredHeaders, findCredentials } from './credentials/find-credentials.ts';
import { Endpoint, mirrorBase } from './endpoint.ts';
import { elsewhereError, foreignServers } from './foreign-server.ts';
import { HttpClient, type Timeouts } from './http.ts';
import {
  asManifest,
  type FetchedDocument,
  type FetchedManifest,
  fetchDocument,
  type ManifestRequest,
} from './manifest-fetch.ts';
import type { RegistryOptions, RetryOptions } from './options.ts';
import { DOCKER_HUB, parseRegistry, registryBase } from './reference.ts';
import { Backoff } from './retry.ts';
import { documentLimits, retrySettings } from './settings.ts';
import type { SettledPlace, SettledRoute } from './settled-route.ts';

/** Tries at one mirror before the next server is asked. */
const MIRROR_ATTEMPTS = 2;

/** A blob as a descriptor names it. */
export interface WantedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Where it lies if the registry does not hold it, as its descriptor says. */
  readonly urls?: readonly string[] | undefined;
}

/** How to read a blob. */
export interface ReadBlobOptions {
  readonly signal?: AbortSignal;
  /** What is there of it already, from its start: it is passed on first and hashed, and the rest is fetched. */
  readonly prefix?: { readonly read: () => AsyncIterable<Uint8Array> };
  /** Whether mirrors are asked. @defaultValue true */
  readonly useMirrors?: boolean;
}

/**
 * A client of one registry. Keeps connections and tokens; use one client for everything that is fetched from a
 * registry, and close it in the end.
 */
export class RegistryClient {
  /** Host and port as references spell it. */
  readonly registry: string;
  readonly limits: LayoutLimits;
  readonly #options: RegistryOptions;
  readonly #retry: RetryOptions;
  readonly #http: HttpClient;
  readonly #endpoints: readonly Endpoint[];
  /** Mirrors that cannot be reached: not asked again. */
  readonly #dead = new Set<string>();

  /**
   * @param registry - `docker.io`, `registry.example.com:5000`
   * @param options - how to talk to it
   * @param route - what `registries.conf` says of the image
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for options that cannot be
   */
  constructor(registry: string, options: RegistryOptions = {}, route?: SettledRoute) {
    this.registry = parseRegistry(registry);
    this.limits = documentLimits(options.limits);
    this.#options = options;
    this.#retry = retrySettings(options.retry);
    const { insecure = false, environment = process.env, signal } = options;
    const own: SettledPlace | undefined =
      insecure && route?.location
        ? { ...route.location, base: registryBase(route.location.name, true), isUnverified: false }
        : route?.location;
    const base = own?.base ?? registryBase(this.registry, insecure);
    const named = mirrorsOf(this.registry, options);
    // Mirrors that were named for this run count instead of those of the machine.
    const places = named.length > 0 ? [] : (route?.mirrors ?? []);
    const all = [...places, ...(own === undefined ? [] : [own])];
    const unverified = all.filter(({ isUnverified }) => isUnverified).map((place) => place.base.host);
    if (options.tls?.verify === false) {
      if (this.registry === DOCKER_HUB) throw hubUnverified();
      options.onEvent?.({ type: 'unverified', host: base.host, because: '--tls-verify=false' });
    }
    for (const host of unverified) options.onEvent?.({ type: 'unverified', host, because: route!.file });
    this.#http = new HttpClient({
      ...this.#retry,
      insecure,
      environment,
      tls: options.tls,
      hosts: [base.hostname],
      unverifiedHosts: unverified,
      plainHosts: all.filter((place) => place.base.protocol === 'http:').map((place) => place.base.host),
      onWarning: (host, text) => options.onEvent?.({ type: 'warning', host, text }),
      onWaiting: (where, waitedMs, limitMs) =>
        options.onEvent?.({ type: 'waiting', where, waitedMs, limitMs }),
    });
    let headers: Promise<Record<string, string>> | undefined;
    const endpoint = (url: URL, name: string, isMirror: boolean, repository?: string): Endpoint =>
      new Endpoint({
        base: url,
        isMirror,
        namespace: isMirror ? this.registry : undefined,
        repository,
        http: this.#http,
        newAuthenticator: (repository) =>
          new Authenticator({
            http: this.#http,
            findCredentials: async () =>
              options.credentials !== undefined && !isMirror
                ? { credentials: options.credentials }
                : findCredentials(name, repository, { environment, signal }),
            signal,
          }),
        originHeaders: async () => {
          if (isMirror) return {};
          headers ??= configuredHeaders(environment);
          return headers;
        },
        newGuest: () => new Authenticator({ http: this.#http, findCredentials: async () => ({}), signal }),
      });
    this.#endpoints = [
      ...named.map((text) => mirrorBase(text, insecure)).map((url) => endpoint(url, url.host, true)),
      ...places.map((place) => endpoint(place.base, place.name, true, place.repository)),
      endpoint(base, own?.name ?? this.registry, false, own?.repository),
    ];
  }

  /** Whether others than the registry itself are asked. */
  get hasMirrors(): boolean {
    return this.#endpoints.length > 1;
  }

  /**
   * Fetches an index or manifest and verifies it.
   *
   * @param request - by digest, or by tag
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_AUTH`, `ERR_OCIRENDER_NETWORK`,
   * `ERR_OCIRENDER_REGISTRY`, `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` (schema 1 too)
   * @throws {DigestMismatchError} when it is not what its digest promises
   * @throws {LimitError} when it is too large
   */
  async getManifest(request: ManifestRequest, callSignal?: AbortSignal): Promise<FetchedManifest> {
    const signal = eitherSignal(callSignal, this.#options.signal);
    const context = { ...request, what: whatIs(request), limits: this.limits, signal };
    const fetched = await this.#atSomeEndpoint(context.what, signal, async (endpoint) =>
      asManifest(await fetchDocument(endpoint, context), context),
    );
    this.#options.onEvent?.({
      type: 'manifest',
      digest: fetched.digest,
      size: fetched.bytes.length,
      kind: fetched.document.kind,
      host: fetched.host,
    });
    return fetched;
  }

  /**
   * Fetches what is served where manifests are, without looking into it, and verifies it.
   *
   * @param request - by digest
   * @throws {OcirenderError} as {@link RegistryClient.getManifest}
   * @throws {DigestMismatchError} when it is not what its digest promises
   * @throws {LimitError} when it is too large
   */
  async getDocument(request: ManifestRequest, callSignal?: AbortSignal): Promise<FetchedDocument> {
    const signal = eitherSignal(callSignal, this.#options.signal);
    const context = { ...request, what: whatIs(request), limits: this.limits, signal };
    return this.#atSomeEndpoint(context.what, signal, (endpoint) => fetchDocument(endpoint, context));
  }

  /**
   * Streams a blob; what breaks is resumed. Having yielded the last byte it throws instead of ending when size or
   * digest is wrong.
   *
   * @throws {OcirenderError} as {@link RegistryClient.getManifest}, and `ERR_OCIRENDER_SIZE_MISMATCH`
   * @throws {DigestMismatchError} when it is not what its digest promises
   */
  readBlob(repository: string, blob: WantedBlob, options: ReadBlobOptions = {}): AsyncIterable<Uint8Array> {
    return this.#verifiedBlob(repository, blob, options);
  }

  async *#verifiedBlob(
    repository: string,
    blob: WantedBlob,
    options: ReadBlobOptions,
  ): AsyncGenerator<Uint8Array> {
    const what = `blob ${blob.digest} of ${this.registry}/${repository}`;
    yield* verifyingStream(this.#blobBytes(repository, blob, options), blob, what);
    this.#options.onEvent?.({ type: 'blob-end', digest: blob.digest });
  }

  async *#blobBytes(
    repository: string,
    blob: WantedBlob,
    options: ReadBlobOptions,
  ): AsyncGenerator<Uint8Array> {
    const { digest, size, urls = [] } = blob;
    const { onEvent, foreignLayers = false } = this.#options;
    const { prefix, useMirrors = true } = options;
    const signal = eitherSignal(options.signal, this.#options.signal);
    throwIfAborted(signal);
    let position = 0;
    if (prefix !== undefined) {
      for await (const chunk of prefix.read()) {
        position += chunk.length;
        yield chunk;
      }
    }
    onEvent?.({ type: 'blob-start', digest, size, offset: position });
    const servers = useMirrors ? this.#living() : this.#endpoints.filter(({ isMirror }) => !isMirror);
    const stream = streamBlob(
      { repository, digest, size, offset: position, signal },
      {
        endpoints: foreignLayers ? [...servers, ...foreignServers(urls, this.#http)] : servers,
        newBackoff: () => new Backoff(this.#retry, onEvent, signal),
        attempts: (endpoint) => this.#attempts(endpoint),
        timeouts: (endpoint, failures) => this.#blobTimeouts(endpoint, failures),
        onMirrorFailed: (endpoint, error) => this.#mirrorFailed(`blob ${digest}`, endpoint, error),
      },
    );
    try {
      for await (const chunk of stream) {
        position += chunk.length;
        onEvent?.({ type: 'blob-bytes', digest, bytes: position });
        yield chunk;
      }
    } catch (error) {
      const isMissing = error instanceof OcirenderError && error.code === 'ERR_OCIRENDER_NOT_FOUND';
      throw isMissing && urls.length > 0 && !foreignLayers ? elsewhereError(error, urls) : error;
    }
  }

  /**
   * Checks the credentials with the registry.
   *
   * @returns false when the registry did not ask for any: then nothing is known of them
   * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when they are refused
   */
  async checkLogin(callSignal?: AbortSignal): Promise<boolean> {
    const signal = eitherSignal(callSignal, this.#options.signal);
    const endpoint = this.#endpoints.at(-1)!;
    const backoff = new Backoff(this.#retry, this.#options.onEvent, signal);
    return backoff.run({ what: 'login', host: endpoint.host }, this.#attempts(endpoint), () =>
      endpoint.checkLogin(signal),
    );
  }

  /** Ends all connections; streams that are open end with an error. May be called twice. */
  async close(): Promise<void> {
    await this.#http.close();
  }

  async #atSomeEndpoint<T>(
    what: string,
    signal: AbortSignal | undefined,
    task: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    for (const endpoint of this.#living()) {
      const backoff = new Backoff(this.#retry, this.#options.onEvent, signal);
      try {
        return await backoff.run({ what, host: endpoint.host }, this.#attempts(endpoint), () =>
          task(endpoint),
        );
      } catch (error) {
        throwIfAborted(signal);
        if (!endpoint.isMirror || !(error instanceof OcirenderError)) throw error;
        this.#mirrorFailed(what, endpoint, error);
      }
    }
    throw new Error('a registry has at least one endpoint');
  }

  #living(): Endpoint[] {
    return this.#endpoints.filter(({ isMirror, host }) => !isMirror || !this.#dead.has(host));
  }

  #attempts(endpoint: BlobServer): number {
    return endpoint.isMirror ? Math.min(MIRROR_ATTEMPTS, this.#retry.attempts) : this.#retry.attempts;
  }

  /** Instead of a mirror there is another server to ask; the registry is waited for longer. */
  #blobTimeouts({ isMirror }: BlobServer, failures: number): Timeouts {
    const { headersTimeoutMs, stallTimeoutMs, blobTimeoutMs } = this.#retry;
    if (isMirror) return { headersMs: headersTimeoutMs, stallMs: stallTimeoutMs };
    return { headersMs: blobTimeoutMs, stallMs: Math.min(blobTimeoutMs, stallTimeoutMs * 2 ** failures) };
  }

  #mirrorFailed(what: string, endpoint: BlobServer, error: OcirenderError): void {
    if (error.code === 'ERR_OCIRENDER_NETWORK' && endpoint.isMirror) this.#dead.add(endpoint.host);
    this.#options.onEvent?.({ type: 'mirror-failed', what, host: endpoint.host, reason: error.message });
  }
}

function whatIs({ repository, tag, digest }: ManifestRequest): string {
  return `manifest ${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}

function hubUnverified(): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', "Docker Hub's certificate is always checked", {
    hint: '--tls-verify=false (option tls.verify) is for a registry that the reference names: HOST/NAME.',
  });
}

/** The client's own signal ends everything; a call's signal that call. */
function eitherSignal(call: AbortSignal | undefined, own: AbortSignal | undefined): AbortSignal | undefined {
  if (call === undefined || own === undefined || call === own) return call ?? own;
  return AbortSignal.any([call, own]);
}

function mirrorsOf(registry: string, { mirrors = {} }: RegistryOptions): readonly string[] {
  const found = Object.entries(mirrors).find(([host]) => parseRegistry(host) === registry)?.[1];
  return found === undefined ? [] : typeof found === 'string' ? [found] : found;
}
