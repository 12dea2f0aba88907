import { isOcirenderError, OcirenderError } from '@ocirender/interface';
import { failedAnswer, isPassing } from './answer.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { type Challenge, parseChallenges } from './auth/challenge.ts';
import { authError } from './errors.ts';
import type { HttpClient, HttpResponse, Timeouts } from './http.ts';

/** A request whose answer may be a demand for credentials. */
export interface ExchangeRequest {
  /** For messages: `manifest library/nginx:1.27`. */
  readonly what: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Answers that the caller deals with. */
  readonly accepted: readonly number[];
  readonly timeouts?: Timeouts | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Whom it is exchanged with. */
export interface Counterpart {
  readonly http: HttpClient;
  readonly url: URL;
  /** What access is for: `repository:NAME:pull`. */
  readonly scope: string;
  readonly authenticator: Authenticator;
  /** Headers for this server alone. */
  readonly originHeaders: () => Promise<Readonly<Record<string, string>>>;
  /** What the server demands at `/v2/`; nothing where everybody may in. */
  readonly rootChallenges: (signal: AbortSignal | undefined) => Promise<readonly Challenge[]>;
  /** Authenticates without credentials, to a server to which the first one redirects. */
  readonly guestOf: (origin: string) => Authenticator;
}

/** Answers by which servers keep those out whom they do not know; 404 hides what there is. */
const KEPT_OUT: ReadonlySet<number> = new Set([401, 403, 404]);
/** What blob stores answer to addresses whose signature has expired. */
const MAYBE_EXPIRED: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);

/**
 * Sends a request, and sends it again as long as there is another way to be let in: with what a 401 demands; with what
 * `/v2/` demands, where the answer demanded nothing; as anybody, at another registry that the first one redirects to;
 * by a new redirect, where the address of a blob store no longer holds. Each is tried once.
 *
 * @returns an answer with one of the accepted statuses
 * @throws {Transient} for failures that may pass
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_AUTH`, `ERR_OCIRENDER_REGISTRY`
 */
export async function exchange(counterpart: Counterpart, request: ExchangeRequest): Promise<HttpResponse> {
  const { http, url, scope, authenticator, rootChallenges, guestOf } = counterpart;
  const own = await counterpart.originHeaders();
  const { what, headers, accepted, timeouts, signal } = request;
  const tried = { answer: false, guest: false, redirect: false };
  let target = url;
  let authorization = await authenticator.header(scope, signal);

  const ways: ((response: HttpResponse) => Promise<boolean>)[] = [
    async function answerDemand(response) {
      if (tried.answer || response.isElsewhere || !KEPT_OUT.has(response.status)) return false;
      const demanded =
        response.status === 401 ? parseChallenges(response.all('www-authenticate')) : ([] as const);
      const mayKnow = async (): Promise<boolean> =>
        authorization === undefined && authenticator.hasCredentials().catch(() => false);
      if (demanded.length === 0 && !(await mayKnow())) return false;
      tried.answer = true;
      const challenges = demanded.length > 0 ? demanded : await rootChallenges(signal);
      const next = await authenticator.answer(challenges, scope, authorization, signal);
      if (next === undefined) return false;
      authorization = next;
      return true;
    },
    async function answerAsGuest(response) {
      if (tried.guest || !response.isElsewhere || response.status !== 401) return false;
      const challenges = parseChallenges(response.all('www-authenticate'));
      if (!challenges.some(({ scheme }) => scheme === 'bearer')) return false;
      tried.guest = true;
      const guest = guestOf(response.url.origin);
      const known = await guest.header(scope, signal);
      const next = known ?? (await guest.answer(challenges, scope, undefined, signal));
      if (next === undefined) return false;
      target = response.url;
      authorization = next;
      return true;
    },
    async function askForNewAddress(response) {
      if (tried.redirect || !response.isElsewhere || !MAYBE_EXPIRED.has(response.status)) return false;
      tried.redirect = true;
      target = url;
      authorization = await authenticator.header(scope, signal);
      return true;
    },
  ];

  for (;;) {
    const originHeaders = target === url ? own : undefined;
    const sent = await http.send({ url: target, headers, authorization, originHeaders, timeouts, signal });
    if (accepted.includes(sent.status)) return sent;
    const response = { ...sent, isElsewhere: sent.isElsewhere || target !== url };
    let again = false;
    for (const way of ways) again ||= await way(response);
    if (again) {
      await response.discard();
      continue;
    }
    const failure = await failedAnswer(response, what, [authorization?.replace(/^\S+ /, '')]);
    if (isPassing(failure)) throw failure;
    if (failure.code === 'ERR_OCIRENDER_AUTH') throw await refused(failure, authenticator);
    if (failure.code !== 'ERR_OCIRENDER_NOT_FOUND' || authorization !== undefined) throw failure;
    throw await notFound(failure, authenticator);
  }
}

/** What is hidden from those who are not logged in looks as if it were not there. */
async function notFound(failure: OcirenderError, authenticator: Authenticator): Promise<OcirenderError> {
  const problem = await authenticator.problem().catch(() => undefined);
  if (problem === undefined) return failure;
  return new OcirenderError(failure.code, failure.message, {
    cause: failure.cause,
    hint: `It may be hidden from those who are not logged in. ${problem}`,
  });
}

async function refused(failure: OcirenderError, authenticator: Authenticator): Promise<OcirenderError> {
  let advice = 'It does not exist, or is not public: then log in (ocirender login, option credentials).';
  let problem: string | undefined;
  try {
    if (await authenticator.hasCredentials())
      advice = 'The credentials are wrong, or do not give access to it.';
    problem = await authenticator.problem();
  } catch (error) {
    // Nobody asked for them so far: that they cannot be read is a note to the refusal, not another failure.
    if (!isOcirenderError(error)) throw error;
    problem = error.message;
  }
  return authError(failure.message, { hint: problem === undefined ? advice : `${advice} ${problem}` });
}
