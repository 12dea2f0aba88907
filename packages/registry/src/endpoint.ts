import { OcirenderError } from '@ocirender/interface';
import type { Authenticator } from './auth/authenticator.ts';
import { type Challenge, parseChallenges } from './auth/challenge.ts';
import { type ExchangeRequest, exchange } from './exchange.ts';
import type { HttpClient, HttpResponse } from './http.ts';

/** What is fetched from an endpoint. */
export interface EndpointRequest extends ExchangeRequest {
  readonly repository: string;
  /** Below the repository: `manifests/1.27`, `blobs/sha256:…`. */
  readonly path: string;
}

/** Where the API of a registry is served: by the registry itself, or by a mirror. */
export interface EndpointSettings {
  /** Origin, and a path that is put before repositories. */
  readonly base: URL;
  readonly isMirror: boolean;
  /** Of a mirror: the registry for which it is asked. One that serves several takes it from `ns`, as containerd sends it. */
  readonly namespace?: string | undefined;
  /** What the image is called there, where it has another name. */
  readonly repository?: string | undefined;
  readonly http: HttpClient;
  /** Makes the authenticator for a repository; for none, to log in. */
  readonly newAuthenticator: (repository: string | undefined) => Authenticator;
  /** Makes one without any credentials. */
  readonly newGuest: () => Authenticator;
  /** Headers for this server alone. */
  readonly originHeaders: () => Promise<Readonly<Record<string, string>>>;
}

/** One server of the registry's API. */
export class Endpoint {
  readonly isMirror: boolean;
  /** Host and port, for messages and events. */
  readonly host: string;
  readonly #base: URL;
  readonly #namespace: string | undefined;
  readonly #repository: string | undefined;
  readonly #http: HttpClient;
  readonly #newAuthenticator: EndpointSettings['newAuthenticator'];
  readonly #newGuest: EndpointSettings['newGuest'];
  readonly #originHeaders: EndpointSettings['originHeaders'];
  readonly #authenticators = new Map<string | undefined, Authenticator>();
  /** By origin: of servers that this one redirects to. */
  readonly #guests = new Map<string, Authenticator>();
  #rootChallenges: readonly Challenge[] | undefined;

  constructor({
    base,
    isMirror,
    namespace,
    repository,
    http,
    newAuthenticator,
    newGuest,
    originHeaders,
  }: EndpointSettings) {
    this.isMirror = isMirror;
    this.host = base.host;
    this.#base = base;
    this.#namespace = namespace;
    this.#repository = repository;
    this.#http = http;
    this.#newAuthenticator = newAuthenticator;
    this.#newGuest = newGuest;
    this.#originHeaders = originHeaders;
  }

  /**
   * Fetches something of a repository; authenticates when asked to.
   *
   * @returns an answer with one of the accepted statuses
   * @throws {Transient} for failures that may pass
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_AUTH`, `ERR_OCIRENDER_REGISTRY`
   */
  async get(request: EndpointRequest): Promise<HttpResponse> {
    const name = this.#repository ?? request.repository;
    const repository = `${this.#base.pathname.replace(/^\/+|\/+$/g, '')}/${name}`.replace(/^\//, '');
    const url = new URL(`/v2/${repository}/${request.path}`, this.#base);
    if (this.#namespace !== undefined) url.searchParams.set('ns', this.#namespace);
    return this.#exchange(url, `repository:${repository}:pull`, this.#authenticatorFor(name), request);
  }

  /**
   * Asks whether the registry lets us in.
   *
   * @returns whether it wanted credentials at all
   */
  async checkLogin(signal: AbortSignal | undefined): Promise<boolean> {
    const request = { what: 'login', headers: {}, accepted: [200], signal };
    const authenticator = this.#authenticatorFor(undefined);
    const response = await this.#exchange(new URL('/v2/', this.#base), '', authenticator, request);
    await response.discard();
    return authenticator.usedCredentials();
  }

  #authenticatorFor(repository: string | undefined): Authenticator {
    let authenticator = this.#authenticators.get(repository);
    if (authenticator === undefined) {
      authenticator = this.#newAuthenticator(repository);
      this.#authenticators.set(repository, authenticator);
    }
    return authenticator;
  }

  #exchange(
    url: URL,
    scope: string,
    authenticator: Authenticator,
    request: ExchangeRequest,
  ): Promise<HttpResponse> {
    return exchange(
      {
        http: this.#http,
        url,
        scope,
        authenticator,
        originHeaders: this.#originHeaders,
        rootChallenges: (signal) => this.#askRoot(signal),
        guestOf: (origin) => this.#guestOf(origin),
      },
      request,
    );
  }

  /** Asks once what the server demands at its root; a server that cannot tell demands nothing. */
  async #askRoot(signal: AbortSignal | undefined): Promise<readonly Challenge[]> {
    if (this.#rootChallenges !== undefined) return this.#rootChallenges;
    const response = await this.#http.send({
      url: new URL('/v2/', this.#base),
      headers: {},
      originHeaders: await this.#originHeaders(),
      signal,
    });
    const demanded = response.status === 401 ? parseChallenges(response.all('www-authenticate')) : [];
    await response.discard();
    // The scope there is that of the root.
    this.#rootChallenges = demanded.map(({ scheme, parameters }) => ({
      scheme,
      parameters: new Map([...parameters].filter(([name]) => name !== 'scope')),
    }));
    return this.#rootChallenges;
  }

  #guestOf(origin: string): Authenticator {
    let guest = this.#guests.get(origin);
    if (guest === undefined) {
      guest = this.#newGuest();
      this.#guests.set(origin, guest);
    }
    return guest;
  }
}

/**
 * Reads a mirror's address.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is none, or plain http without permission
 */
export function mirrorBase(text: string, insecure: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      'a mirror must be an address such as https://mirror.example.com/prefix',
      {
        hint: 'It can have neither a password nor a query; credentials are looked up by its host.',
      },
    );
  }
  if (url.protocol === 'http:' && !insecure) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `the mirror ${url.origin} is plain http, which is not encrypted`,
      {
        hint: 'If you trust the network, allow it with --insecure (option insecure).',
      },
    );
  }
  return url;
}
