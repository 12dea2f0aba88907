import { OcirenderError } from '@ocirender/interface';
import { failedAnswer } from './answer.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { authError, Transient } from './errors.ts';
import type { HttpClient, HttpResponse } from './http.ts';
import { DOCKER_HUB } from './reference.ts';

/** What is fetched from an endpoint. */
export interface EndpointRequest {
  readonly repository: string;
  /** Below the repository: `manifests/1.27`, `blobs/sha256:…`. */
  readonly path: string;
  /** For messages: `manifest library/nginx:1.27`. */
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Answers that the caller deals with. */
  readonly accepted: readonly number[];
  readonly signal: AbortSignal | undefined;
}

/** Where the API of a registry is served: by the registry itself, or by a mirror. */
export interface EndpointSettings {
  /** Origin, and a path that is put before repositories. */
  readonly base: URL;
  readonly isMirror: boolean;
  readonly http: HttpClient;
  /** Makes the authenticator for a repository; for none, to log in. */
  readonly newAuthenticator: (repository: string | undefined) => Authenticator;
}

/** One server of the registry's API. */
export class Endpoint {
  readonly isMirror: boolean;
  /** Host and port, for messages and events. */
  readonly host: string;
  readonly #base: URL;
  readonly #http: HttpClient;
  readonly #newAuthenticator: EndpointSettings['newAuthenticator'];
  readonly #authenticators = new Map<string | undefined, Authenticator>();

  constructor({ base, isMirror, http, newAuthenticator }: EndpointSettings) {
    this.isMirror = isMirror;
    this.host = base.host;
    this.#base = base;
    this.#http = http;
    this.#newAuthenticator = newAuthenticator;
  }

  /**
   * Fetches something of a repository; authenticates when asked to.
   *
   * @returns an answer with one of the accepted statuses
   * @throws {Transient} for failures that may pass
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_AUTH`, `ERR_OCIRENDER_REGISTRY`
   */
  async get(request: EndpointRequest): Promise<HttpResponse> {
    const repository = `${this.#base.pathname.replace(/^\/+|\/+$/g, '')}/${request.repository}`.replace(
      /^\//,
      '',
    );
    const url = new URL(`/v2/${repository}/${request.path}`, this.#base);
    return this.#authenticated(
      url,
      `repository:${repository}:pull`,
      this.#authenticatorFor(request.repository),
      request,
    );
  }

  /**
   * Asks whether the registry lets us in.
   *
   * @returns whether it wanted credentials at all
   */
  async checkLogin(signal: AbortSignal | undefined): Promise<boolean> {
    const request = { what: 'login', headers: {}, accepted: [200], signal };
    const authenticator = this.#authenticatorFor(undefined);
    const response = await this.#authenticated(new URL('/v2/', this.#base), '', authenticator, request);
    await response.discard();
    return authenticator.hasCredentials();
  }

  #authenticatorFor(repository: string | undefined): Authenticator {
    let authenticator = this.#authenticators.get(repository);
    if (authenticator === undefined) {
      authenticator = this.#newAuthenticator(repository);
      this.#authenticators.set(repository, authenticator);
    }
    return authenticator;
  }

  async #authenticated(
    url: URL,
    scope: string,
    authenticator: Authenticator,
    request: Omit<EndpointRequest, 'repository' | 'path'>,
  ): Promise<HttpResponse> {
    const { what, headers, accepted, signal } = request;
    let authorization = await authenticator.header(scope, signal);
    for (let isLast = false; ; isLast = true) {
      const response = await this.#http.send({ url, headers, authorization, signal });
      if (accepted.includes(response.status)) return response;
      if (response.status === 401 && !response.isElsewhere && !isLast) {
        const next = await authenticator.answer(
          response.all('www-authenticate'),
          scope,
          authorization,
          signal,
        );
        if (next !== undefined) {
          await response.discard();
          authorization = next;
          continue;
        }
      }
      const failure = await failedAnswer(response, what, [authorization?.replace(/^\S+ /, '')]);
      if (failure instanceof Transient || failure.code !== 'ERR_OCIRENDER_AUTH') throw failure;
      throw await refused(failure, authenticator);
    }
  }
}

async function refused(failure: OcirenderError, authenticator: Authenticator): Promise<OcirenderError> {
  const problem = await authenticator.problem();
  const advice = (await authenticator.hasCredentials())
    ? 'The credentials are wrong, or do not give access to it.'
    : 'It does not exist, or is not public: then log in (ocirender login, option credentials).';
  return authError(failure.message, { hint: problem === undefined ? advice : `${advice} ${problem}` });
}

/** The server that a registry's name means. */
export function registryBase(registry: string, insecure: boolean): URL {
  // Docker Hub never speaks plain http; a mirror of it may.
  if (registry === DOCKER_HUB) return new URL('https://registry-1.docker.io');
  return new URL(`${insecure ? 'http' : 'https'}://${registry}`);
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
