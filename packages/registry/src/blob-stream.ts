import { OcirenderError, throwIfAborted } from '@ocirender/interface';
import { contentCoding, decodedBody } from './content-encoding.ts';
import type { Endpoint } from './endpoint.ts';
import { networkError, registryError, Transient } from './errors.ts';
import type { HttpResponse, Timeouts } from './http.ts';
import type { Backoff } from './retry.ts';
import { isWebPage, webPageError } from './web-page.ts';

/** A blob that is to be fetched. */
export interface BlobRequest {
  readonly repository: string;
  readonly digest: string;
  /** Bytes, as its descriptor says. */
  readonly size: number;
  /** How many bytes are there already. */
  readonly offset: number;
  readonly signal: AbortSignal | undefined;
}

/** Who may serve a blob. */
export type BlobServer = Pick<Endpoint, 'host' | 'isMirror' | 'get'>;

/** How a blob is fetched. */
export interface BlobContext {
  /** In the order in which they are tried: mirrors, the registry itself, and places outside of it. */
  readonly endpoints: readonly BlobServer[];
  readonly newBackoff: () => Backoff;
  /** How many failures in a row end the use of an endpoint. */
  readonly attempts: (endpoint: BlobServer) => number;
  /** How long a server may be silent after so many failures in a row. */
  readonly timeouts: (endpoint: BlobServer, failures: number) => Timeouts;
  /** Called when a mirror is given up for the next one. */
  readonly onMirrorFailed: (endpoint: BlobServer, error: OcirenderError) => void;
}

/**
 * Streams a blob from an offset to its end. What breaks is tried again from the byte where it stopped, by `Range`;
 * a server that ignores or refuses ranges gives the whole, of which what is there already is skipped. Verifies nothing
 * but the length.
 *
 * @throws {OcirenderError} the last failure, when it does not pass
 */
export async function* streamBlob(request: BlobRequest, context: BlobContext): AsyncGenerator<Uint8Array> {
  const { digest, size, signal } = request;
  let position = request.offset;
  for (const endpoint of context.endpoints) {
    const backoff = context.newBackoff();
    const attempted = { what: `blob ${digest}`, host: endpoint.host };
    let useRange = true;
    try {
      while (position < size) {
        throwIfAborted(signal);
        try {
          const timeouts = context.timeouts(endpoint, backoff.failures);
          for await (const chunk of openAt(endpoint, request, position, useRange, timeouts)) {
            position += chunk.length;
            backoff.progress(chunk.length);
            yield chunk;
          }
          if (position < size) throw new Transient(tooShort(endpoint, digest, position, size));
        } catch (error) {
          if (error instanceof RangeRefused) {
            useRange = false;
            continue;
          }
          if (!(error instanceof Transient)) throw error;
          await backoff.failed(error, attempted, context.attempts(endpoint));
        }
      }
      return;
    } catch (error) {
      throwIfAborted(signal);
      const isLast = endpoint === context.endpoints.at(-1);
      if (isLast || !(error instanceof OcirenderError)) throw error;
      // What the registry lacks may lie elsewhere; what it refuses or damages does not.
      if (endpoint.isMirror) context.onMirrorFailed(endpoint, error);
      else if (error.code !== 'ERR_OCIRENDER_NOT_FOUND') throw error;
    }
  }
}

/** The server does not give what `Range` asks for: it must be asked without. */
class RangeRefused extends Error {}

/** What servers answer that know no `Range`, or want none: another cause shows when they are asked without. */
const RANGE_REFUSALS: readonly number[] = [400, 403, 404, 405, 416, 500, 501];

async function* openAt(
  endpoint: BlobServer,
  { repository, digest, size, signal }: BlobRequest,
  position: number,
  useRange: boolean,
  timeouts: Timeouts,
): AsyncGenerator<Uint8Array> {
  const isRange = position > 0 && useRange;
  const what = `blob ${digest} of ${repository}`;
  const response = await endpoint.get({
    repository,
    path: `blobs/${digest}`,
    what,
    headers: isRange ? { range: `bytes=${position}-` } : {},
    accepted: isRange ? [200, 206, ...RANGE_REFUSALS] : [200],
    timeouts,
    signal,
  });
  if (isRange && response.status !== 200 && !isWantedRange(response, position, size)) {
    await response.discard();
    throw new RangeRefused();
  }
  const start = response.status === 206 ? position : 0;
  const where = `${response.url.host}: ${what}`;
  const announced = response.first('content-length');
  const isCoded = contentCoding(response.first('content-encoding')) !== undefined;
  if (response.status === 200 && !isCoded && announced !== undefined && announced !== String(size)) {
    const page = Buffer.from(await response.text(MAX_PAGE));
    if (isWebPage(page)) throw webPageError(response.url, what, page);
    throw new Transient(
      new OcirenderError(
        'ERR_OCIRENDER_SIZE_MISMATCH',
        `${where}: expected ${size} bytes, the server announces ${announced.slice(0, 40)}`,
      ),
    );
  }
  let at = start;
  for await (const chunk of blobBytes(response, isCoded && announced !== String(size), where)) {
    if (at === 0 && isHtml(response) && isWebPage(chunk)) throw webPageError(response.url, what, chunk);
    const from = Math.min(chunk.length, Math.max(0, position - at));
    at += chunk.length;
    if (at > size)
      throw new Transient(registryError(`${where}: the server sends more than the ${size} bytes it should`));
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from);
  }
}

/** Longest start of a web page that is looked at for its title. */
const MAX_PAGE = 64 * 1024;

/** A body; one that is coded although nobody asked for it is decoded. */
function blobBytes(response: HttpResponse, isCoded: boolean, where: string): AsyncGenerator<Uint8Array> {
  return isCoded ? decodedBody(response.body(), response.first('content-encoding'), where) : response.body();
}

function isHtml(response: HttpResponse): boolean {
  return /^text\/html\b/i.test(response.first('content-type') ?? '');
}

/** Whether an answer to a range begins where it was asked to and belongs to a blob of the right size. */
function isWantedRange(response: HttpResponse, position: number, size: number): boolean {
  // A part of something coded cannot be decoded.
  if (response.status !== 206 || contentCoding(response.first('content-encoding')) !== undefined)
    return false;
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(
    response.first('content-range')?.trim() ?? '',
  );
  if (match === null) return false;
  const [, first, last, total] = match;
  return Number(first) === position && Number(last) < size && (total === '*' || Number(total) === size);
}

function tooShort(endpoint: BlobServer, digest: string, position: number, size: number): OcirenderError {
  return networkError(`${endpoint.host}: blob ${digest} ended after ${position} of ${size} bytes`);
}
