import { abortable } from '../abortable.ts';
import type { FoundCredentials } from '../credentials/find-credentials.ts';
import { registryError } from '../errors.ts';
import type { HttpClient } from '../http.ts';
import type { Challenge } from './challenge.ts';
import { basicHeader, basicPair, fetchToken, type Token } from './token.ts';

/** How a server is to be authenticated to. */
export interface AuthenticatorSettings {
  readonly http: HttpClient;
  /** Looks credentials up, when the server asks for them. */
  readonly findCredentials: () => Promise<FoundCredentials>;
  /** Of the whole client: what several downloads wait for is not ended by one of them. */
  readonly signal: AbortSignal | undefined;
}

/** Answers the challenges of one server; keeps one token for each scope. */
export class Authenticator {
  readonly #settings: AuthenticatorSettings;
  /** What a scope was challenged with. */
  readonly #challenges = new Map<string, Challenge>();
  readonly #tokens = new Map<string, Promise<Token>>();
  #basic: string | undefined;
  #found: Promise<FoundCredentials> | undefined;

  constructor(settings: AuthenticatorSettings) {
    this.#settings = settings;
  }

  /**
   * Gives the `Authorization` header that the server is known to want; a token that is about to expire is renewed.
   *
   * @param scope - what access is for: `repository:NAME:pull`
   */
  async header(scope: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.#basic !== undefined) return this.#basic;
    const pending = this.#tokens.get(scope);
    if (pending === undefined) return undefined;
    const token = await abortable(pending, signal);
    if (performance.now() < token.staleAt) return `Bearer ${token.token}`;
    return this.#renew(scope, pending, signal);
  }

  /**
   * Answers a 401.
   *
   * @param challenges - what its `WWW-Authenticate` headers offer
   * @param used - the header that was refused
   * @returns another header to try; undefined when there is none
   * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when the token server refuses
   */
  async answer(
    challenges: readonly Challenge[],
    scope: string,
    used: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const pending = this.#tokens.get(scope);
      this.#challenges.set(scope, bearer);
      if (pending !== undefined) {
        const settled = pending.then(
          ({ token }) => `Bearer ${token}`,
          () => undefined,
        );
        const current = await abortable(settled, signal);
        // Another download has renewed it meanwhile.
        if (current !== undefined && current !== used) return current;
      }
      return this.#renew(scope, pending, signal);
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) return this.#answerBasic(used, signal);
    if (challenges.length === 0) return undefined;
    throw registryError(
      `the registry wants an authentication that is not supported: ${challenges.map(({ scheme }) => scheme.slice(0, 40)).join(', ')}`,
    );
  }

  /** Why there may be no credentials although the user thinks so. */
  async problem(): Promise<string | undefined> {
    return (await this.#find()).problem;
  }

  /** Whether there are credentials to be used; looks them up when that has not happened yet. */
  async hasCredentials(): Promise<boolean> {
    return (await this.#find()).credentials !== undefined;
  }

  /** Whether the server has asked for credentials, and there were some. */
  async usedCredentials(): Promise<boolean> {
    return (await this.#found)?.credentials !== undefined;
  }

  async #answerBasic(used: string | undefined, signal: AbortSignal | undefined): Promise<string | undefined> {
    const pair = basicPair((await abortable(this.#find(), signal)).credentials);
    if (pair === undefined) return undefined;
    const header = basicHeader(pair.username, pair.password);
    if (header === used) return undefined;
    this.#basic = header;
    return header;
  }

  /** Fetches a token once for all who wait for one. */
  async #renew(
    scope: string,
    old: Promise<Token> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    let pending = this.#tokens.get(scope);
    if (pending === undefined || pending === old) {
      pending = this.#fetch(scope);
      this.#tokens.set(scope, pending);
      const mine = pending;
      pending.catch(() => {
        if (this.#tokens.get(scope) === mine) this.#tokens.delete(scope);
      });
    }
    return `Bearer ${(await abortable(pending, signal)).token}`;
  }

  async #fetch(scope: string): Promise<Token> {
    const challenge = this.#challenges.get(scope);
    if (challenge === undefined) throw new Error('a token is renewed that nobody asked for');
    const { credentials } = await this.#find();
    if (credentials !== undefined && 'registryToken' in credentials) {
      return { token: credentials.registryToken, staleAt: Number.POSITIVE_INFINITY };
    }
    return fetchToken({
      http: this.#settings.http,
      challenge,
      scope: challenge.parameters.get('scope') ?? scope,
      credentials,
      signal: this.#settings.signal,
    });
  }

  #find(): Promise<FoundCredentials> {
    if (this.#found === undefined) {
      const pending = this.#settings.findCredentials();
      this.#found = pending;
      pending.catch(() => {
        if (this.#found === pending) this.#found = undefined;
      });
    }
    return this.#found;
  }
}
