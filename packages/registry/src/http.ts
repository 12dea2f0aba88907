import { abortedError, OcirenderError, throwIfAborted } from '@ocirender/interface';
import type { Dispatcher } from 'undici';
import { decodedBody } from './content-encoding.ts';
import { type ConnectionSettings, Dispatchers } from './dispatchers.ts';
import { networkError, registryError, shownUrl, Transient } from './errors.ts';
import { readBody } from './http-body.ts';
import { describeNetworkFailure } from './network-failure.ts';
import { Patience } from './patience.ts';
import { parseWarnings } from './warnings.ts';

/** What is sent. */
export interface HttpRequest {
  readonly url: URL;
  /** @defaultValue GET */
  readonly method?: 'GET' | 'POST';
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to this request's own origin only. */
  readonly authorization?: string | undefined;
  /** The same for headers that somebody wants this server to get. Lower-case names. */
  readonly originHeaders?: Readonly<Record<string, string>> | undefined;
  readonly body?: string;
  /** Limits on silence. @defaultValue those of the client */
  readonly timeouts?: Timeouts | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long a server may be silent, in milliseconds. */
export interface Timeouts {
  /** From request to the answer's headers. */
  readonly headersMs: number;
  /** Within the body. */
  readonly stallMs: number;
}

/** What came back, after redirects. The body must be read or {@link HttpResponse.discard}ed. */
export interface HttpResponse {
  readonly status: number;
  readonly url: URL;
  /** Whether a redirect led to another origin. */
  readonly isElsewhere: boolean;
  /** One header's values. */
  all(name: string): readonly string[];
  /** One header's first value. */
  first(name: string): string | undefined;
  /** The body as it is sent, once. Failures that may pass are `Transient`. */
  body(): AsyncGenerator<Uint8Array>;
  /** The body's first bytes as text, for messages and tokens. */
  text(maximum: number): Promise<string>;
  discard(): Promise<void>;
}

/** Times and permissions of the client. */
export interface HttpSettings extends ConnectionSettings {
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
  /** Silence after which {@link onWaiting} is called, and after as much again. */
  readonly noticeMs: number;
  readonly onWaiting?: ((where: string, waitedMs: number, limitMs: number) => void) | undefined;
  /** Called with what servers have to say to people, each text of a host once. */
  readonly onWarning?: ((host: string, text: string) => void) | undefined;
  /** Whether plain http is allowed. */
  readonly insecure: boolean;
  /** Hosts, with their ports, to which it is allowed in any case. */
  readonly plainHosts: readonly string[];
}

const SILENCE_HINT =
  'Caches and scanners may fetch all of a blob before they pass its first byte on: allow more time with --timeout (option retry.blobTimeoutMs).';

/** More texts than this are not passed on. */
const MAX_WARNINGS = 16;
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Sends requests over kept connections, follows redirects, limits times. Retries nothing. */
export class HttpClient {
  readonly #settings: HttpSettings;
  readonly #dispatchers: Dispatchers;
  readonly #warned = new Set<string>();
  #isClosed = false;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#dispatchers = new Dispatchers(settings);
  }

  /**
   * Sends a request. `GET` follows redirects; `authorization` goes no further than the origin.
   *
   * @throws {Transient} when the connection breaks or nothing comes in time
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    let url = request.url;
    let isElsewhere = false;
    for (let count = 0; ; count++) {
      this.#checkScheme(url);
      // Another coding would change the bytes that digests and ranges are about.
      const headers = {
        'user-agent': 'ocirender',
        ...(isElsewhere ? {} : request.originHeaders),
        'accept-encoding': 'identity',
        ...request.headers,
      };
      const authorization = isElsewhere ? undefined : request.authorization;
      const response = await this.#sendOnce(url, isElsewhere, {
        ...request,
        headers: authorization === undefined ? headers : { ...headers, authorization },
      });
      const location = response.first('location');
      if (request.method === 'POST' || !REDIRECTS.has(response.status) || location === undefined)
        return response;
      await response.discard();
      if (count === MAX_REDIRECTS)
        throw registryError(`${shownUrl(request.url)}: more than ${MAX_REDIRECTS} redirects`);
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (next === undefined || !/^https?:$/.test(next.protocol)) {
        throw registryError(`${shownUrl(url)} redirects to what is no http address`);
      }
      // Once elsewhere, always elsewhere: a stranger must not be able to send a request back with the password.
      isElsewhere ||= next.origin !== request.url.origin;
      url = next;
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#dispatchers.close();
  }

  async #sendOnce(url: URL, isElsewhere: boolean, request: HttpRequest): Promise<HttpResponse> {
    const { signal, method = 'GET' } = request;
    throwIfAborted(signal);
    if (this.#isClosed)
      throw new OcirenderError('ERR_OCIRENDER_ABORTED', 'the client of the registry is closed');
    const { headersTimeoutMs, stallTimeoutMs } = this.#settings;
    const timeouts = request.timeouts ?? { headersMs: headersTimeoutMs, stallMs: stallTimeoutMs };
    const where = shownUrl(url);
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(abortedError(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    const release = (): void => signal?.removeEventListener('abort', onAbort);
    const giveUp = (message: string): void =>
      controller.abort(new Transient(networkError(`${where}: ${message}`, { hint: SILENCE_HINT })));
    const patience = this.#patience(where, timeouts.headersMs, () =>
      giveUp(`no answer within ${timeouts.headersMs / 1000} seconds`),
    );
    patience.begin();
    let data: Dispatcher.ResponseData;
    try {
      data = await this.#dispatchers.for(url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: request.headers,
        signal: controller.signal,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
    } catch (error) {
      release();
      const proxy = this.#dispatchers.proxyOf(url);
      const through = proxy?.kind === 'http' ? `${where} (through the proxy ${proxy.url.host})` : where;
      throw describeNetworkFailure(controller.signal.aborted ? controller.signal.reason : error, through);
    } finally {
      patience.end();
    }
    const body = (): AsyncGenerator<Uint8Array> => {
      const { stallMs } = timeouts;
      const onStall = (): void => giveUp(`nothing came for ${stallMs / 1000} seconds`);
      return readBody(data.body, {
        where,
        patience: this.#patience(where, stallMs, onStall),
        stallTimeoutMs: stallMs,
        onStall,
        controller,
        release,
      });
    };
    const all = (name: string): readonly string[] => {
      const value = data.headers[name];
      return value === undefined ? [] : typeof value === 'string' ? [value] : value;
    };
    this.#passWarnings(url.host, all('warning'));
    const first = (name: string): string | undefined => all(name)[0];
    return {
      status: data.statusCode,
      url,
      isElsewhere,
      all,
      first,
      body,
      text: (maximum) => firstText(decodedBody(body(), first('content-encoding'), where), maximum),
      async discard() {
        // Reading a short body to its end keeps the connection; a long or slow one is not worth it.
        await firstText(body(), 64 * 1024).catch(() => '');
      },
    };
  }

  #passWarnings(host: string, headers: readonly string[]): void {
    for (const text of parseWarnings(headers)) {
      const key = `${host} ${text}`;
      if (this.#warned.has(key) || this.#warned.size >= MAX_WARNINGS) continue;
      this.#warned.add(key);
      this.#settings.onWarning?.(host, text);
    }
  }

  #patience(where: string, limitMs: number, onLimit: () => void): Patience {
    const { noticeMs, onWaiting } = this.#settings;
    return new Patience({
      limitMs,
      noticeMs,
      onLimit,
      onNotice: (waitedMs) => onWaiting?.(where, waitedMs, limitMs),
    });
  }

  #checkScheme(url: URL): void {
    const { insecure, plainHosts } = this.#settings;
    if (url.protocol === 'https:' || insecure || plainHosts.includes(url.host)) return;
    throw registryError(`${shownUrl(url)} is plain http, which is not encrypted`, {
      hint: 'If you trust the network, allow it with --insecure (option insecure).',
    });
  }
}

async function firstText(body: AsyncIterable<Uint8Array>, maximum: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maximum) break;
  }
  return Buffer.concat(chunks).subarray(0, maximum).toString('utf8');
}
