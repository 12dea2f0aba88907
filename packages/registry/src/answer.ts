import { OcirenderError } from '@ocirender/interface';
import { authError, quotedFromServer, redact, registryError, SPEAKS_TLS_HINT, Transient } from './errors.ts';
import type { HttpResponse } from './http.ts';
import { parseRetryAfter } from './retry.ts';

const MAX_BODY = 64 * 1024;
/** Answers that another try may change. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Tells failures that may pass from final ones. */
export function isPassing(failure: Transient | OcirenderError): failure is Transient {
  return failure instanceof Transient;
}

/**
 * Makes the error of an answer that is no success. Reads the body for what the server says of it.
 *
 * @param response - with its body unread
 * @param what - what was asked for, for example `manifest library/nginx:1.27`
 * @param secrets - what must not appear in the message even where the server repeats it
 */
export async function failedAnswer(
  response: HttpResponse,
  what: string,
  secrets: readonly (string | undefined)[] = [],
): Promise<Transient | OcirenderError> {
  const { status, url } = response;
  const retryAfterMs = parseRetryAfter(response.first('retry-after'), Date.now());
  let said = '';
  try {
    const all = [...secrets, ...(response.isElsewhere ? querySecrets(url) : [])];
    said = redact(serversWords(await response.text(MAX_BODY)), all);
  } catch (error) {
    // The status is known: a body that breaks off does not change it.
    if (!(error instanceof Transient)) throw error;
  }
  const message = `${url.host}: ${what}: ${status}${said === '' ? '' : ` ${said}`}`;
  if (PASSING.has(status)) {
    const hint =
      status === 429
        ? { hint: 'The registry limits how often it may be asked; logging in may raise the limit.' }
        : {};
    return new Transient(registryError(message, hint), retryAfterMs);
  }
  if (status === 400 && url.protocol === 'http:' && /\bHTTP request\b.*\bHTTPS\b/i.test(said))
    return registryError(message, { hint: SPEAKS_TLS_HINT });
  // A blob store refuses for reasons of its own, mostly a signature that has expired.
  if (status === 404 || status === 410) return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', message);
  if ((status === 401 || status === 403 || status === 407) && !response.isElsewhere)
    return authError(message);
  return registryError(message);
}

/** Where a registry redirects to, the query is a signature: whoever has it may read the blob. */
function querySecrets(url: URL): string[] {
  return [url.search, url.search.slice(1), ...url.searchParams.values()].filter(({ length }) => length >= 4);
}

/**
 * Reads the errors of a body such as `{"errors":[{"code":"NAME_UNKNOWN","message":"…"}]}` or `{"error":…}`.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
 */
export function serversWords(body: string): string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // HTML pages and XML of blob stores say little; a short plain text may.
    return /^\s*</.test(body)
      ? (/<(Code|title)>([^<]{1,100})</i.exec(body)?.[2] ?? '')
      : quotedFromServer(body);
  }
  if (typeof json !== 'object' || json === null) return '';
  const words = (value: unknown): string => (typeof value === 'string' ? value : '');
  if ('errors' in json && Array.isArray(json.errors)) {
    const all = json.errors.slice(0, 3).map((entry: unknown) => {
      if (typeof entry !== 'object' || entry === null) return '';
      const { code, message } = entry as Record<string, unknown>;
      return [words(code), words(message)].filter((part) => part !== '').join(': ');
    });
    return quotedFromServer(all.filter((text) => text !== '').join('; '));
  }
  const { error, error_description, details, message } = json as Record<string, unknown>;
  const all = [words(error), words(error_description), words(details), words(message)];
  return quotedFromServer([...new Set(all.filter((text) => text !== ''))].join(': '));
}
