import { isOcirenderError, type OcirenderError } from '@ocirender/interface';
import { failedAnswer, isPassing } from '../answer.ts';
import { authError, networkError, redact, registryError, shownUrl, Transient } from '../errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../http.ts';
import type { Credentials } from '../options.ts';
import { isWebPage, webPageError } from '../web-page.ts';
import type { Challenge } from './challenge.ts';

/** A bearer token. */
export interface Token {
  readonly token: string;
  /** By `performance.now()`: from then on another one is fetched without asking first. */
  readonly staleAt: number;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly http: HttpClient;
  readonly challenge: Challenge;
  /** For example `repository:library/nginx:pull`; empty to log in only. */
  readonly scope: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Longest answer of a token server that is read. */
const MAX_ANSWER = 1024 * 1024;
/** What the protocol says where a server names no time. */
const DEFAULT_SECONDS = 60;
const CLIENT_ID = 'ocirender';

/**
 * Fetches a token from the server that a challenge names: an identity token is exchanged by POST (OAuth 2), and by
 * GET where the server knows no POST; a password goes by GET.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_AUTH` when it is refused
 * @throws {Transient} when the server is busy or cannot be reached
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function fetchToken(request: TokenRequest): Promise<Token> {
  const { credentials } = request;
  const realm = realmOf(request.challenge);
  if (credentials !== undefined && 'identityToken' in credentials) {
    const response = await post(request, realm, credentials.identityToken);
    if (response.status === 200) return readToken(response);
    // What servers without POST answer: 404 and 405 mostly, some 400 or 401.
    if (![400, 401, 404, 405].includes(response.status)) throw await refusal(request, response);
    await response.discard();
  }
  const response = await get(request, realm);
  if (response.status !== 200) throw await refusal(request, response);
  return readToken(response);
}

function realmOf(challenge: Challenge): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  if (!URL.canParse(realm) || !/^https?:\/\//i.test(realm)) {
    throw registryError('the registry names no token server in its WWW-Authenticate header');
  }
  return new URL(realm);
}

/** Sends a request to the token server; that it is this one which cannot be reached is worth a word. */
async function send(request: TokenRequest, http: Omit<HttpRequest, 'signal'>): Promise<HttpResponse> {
  try {
    return await request.http.send({ ...http, signal: request.signal });
  } catch (error) {
    const failure = error instanceof Transient ? error.error : error;
    if (!isOcirenderError(failure) || failure.code !== 'ERR_OCIRENDER_NETWORK') throw error;
    const named = networkError(`the token server that the registry names: ${failure.message}`, {
      cause: failure.cause,
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    });
    throw error instanceof Transient ? new Transient(named, error.retryAfterMs) : named;
  }
}

function post(request: TokenRequest, realm: URL, refreshToken: string): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: request.challenge.parameters.get('service') ?? '',
    client_id: CLIENT_ID,
    refresh_token: refreshToken,
  });
  if (request.scope !== '') form.set('scope', request.scope);
  return send(request, {
    url: realm,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
}

function get(request: TokenRequest, realm: URL): Promise<HttpResponse> {
  const url = new URL(realm);
  const service = request.challenge.parameters.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of request.scope.split(' ')) if (scope !== '') url.searchParams.append('scope', scope);
  const login = basicPair(request.credentials);
  if (login !== undefined) url.searchParams.set('account', login.username);
  return send(request, {
    url,
    headers: {},
    authorization: login === undefined ? undefined : basicHeader(login.username, login.password),
  });
}

/** What Basic authentication can say of some credentials; an identity token stands in for the password. */
export function basicPair(
  credentials: Credentials | undefined,
): { readonly username: string; readonly password: string } | undefined {
  if (credentials === undefined || 'registryToken' in credentials) return undefined;
  if ('password' in credentials) return credentials;
  return { username: credentials.username ?? '<token>', password: credentials.identityToken };
}

/** The header of Basic authentication. */
export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function readToken(response: HttpResponse): Promise<Token> {
  const where = shownUrl(response.url);
  const text = await response.text(MAX_ANSWER);
  if (isWebPage(Buffer.from(text))) throw webPageError(response.url, 'token', Buffer.from(text));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const fields = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const token = [fields['token'], fields['access_token']].find(
    (value) => typeof value === 'string' && value !== '',
  );
  // A header of another shape could smuggle further headers in.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw registryError(`${where} gives no token`);
  }
  const seconds = fields['expires_in'];
  const lifetime = typeof seconds === 'number' && seconds > 0 && seconds < 1e9 ? seconds : DEFAULT_SECONDS;
  // A tenth is left for the way there and for clocks that differ.
  return { token, staleAt: performance.now() + lifetime * 900 };
}

async function refusal(request: TokenRequest, response: HttpResponse): Promise<OcirenderError | Transient> {
  const given = Object.values(request.credentials ?? {}) as string[];
  const pair = basicPair(request.credentials);
  // Also as they were sent: a server may repeat the header.
  const sent = pair === undefined ? [] : [basicHeader(pair.username, pair.password).replace(/^Basic /, '')];
  const secrets = [...sent, ...given, ...given.map(encodeURIComponent)];
  const failure = await failedAnswer(response, 'token', secrets);
  if (isPassing(failure)) return failure;
  const { message } = failure;
  return authError(redact(message, secrets), {
    hint:
      request.credentials === undefined
        ? 'Log in (ocirender login, option credentials).'
        : 'User name, password or token are wrong or have expired: log in again.',
  });
}
