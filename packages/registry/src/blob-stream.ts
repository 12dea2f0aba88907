import { OcirenderError, throwIfAborted } from '@ocirender/interface';
import type { Endpoint } from './endpoint.ts';
import { networkError, registryError, Transient } from './errors.ts';
import type { HttpResponse } from './http.ts';
import type { Backoff } from './retry.ts';

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

/** How a blob is fetched. */
export interface BlobContext {
  /** In the order in which they are tried; the registry itself comes last. */
  readonly endpoints: readonly Endpoint[];
  readonly newBackoff: () => Backoff;
  /** How many failures in a row end the use of an endpoint. */
  readonly attempts: (endpoint: Endpoint) => number;
  /** Called when an endpoint is given up for the next one. */
  readonly onMirrorFailed: (endpoint: Endpoint, error: OcirenderError) => void;
}

/**
 * Streams a blob from an offset to its end. What breaks is tried again from the byte where it stopped, by `Range`;
 * from a server that ignores ranges, what is there already is skipped. Verifies nothing but the length.
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
          for await (const chunk of openAt(endpoint, request, position, useRange)) {
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
      if (!endpoint.isMirror || !(error instanceof OcirenderError)) throw error;
      context.onMirrorFailed(endpoint, error);
    }
  }
}

/** The server does not give what `Range` asks for: it must be asked without. */
class RangeRefused extends Error {}

async function* openAt(
  endpoint: Endpoint,
  { repository, digest, size, signal }: BlobRequest,
  position: number,
  useRange: boolean,
): AsyncGenerator<Uint8Array> {
  const isRange = position > 0 && useRange;
  const what = `blob ${digest} of ${repository}`;
  const response = await endpoint.get({
    repository,
    path: `blobs/${digest}`,
    what,
    headers: {
      // Anything else would change the bytes that the digest and the ranges are about.
      'accept-encoding': 'identity',
      ...(isRange ? { range: `bytes=${position}-` } : {}),
    },
    accepted: isRange ? [200, 206, 416] : [200],
    signal,
  });
  if (isRange && response.status !== 200 && !isWantedRange(response, position, size)) {
    await response.discard();
    throw new RangeRefused();
  }
  const start = response.status === 206 ? position : 0;
  const where = `${response.url.host}: ${what}`;
  const announced = response.first('content-length');
  if (response.status === 200 && announced !== undefined && announced !== String(size)) {
    await response.discard();
    throw new Transient(
      new OcirenderError(
        'ERR_OCIRENDER_SIZE_MISMATCH',
        `${where}: expected ${size} bytes, the server announces ${announced.slice(0, 40)}`,
      ),
    );
  }
  let at = start;
  for await (const chunk of response.body()) {
    const from = Math.min(chunk.length, Math.max(0, position - at));
    at += chunk.length;
    if (at > size)
      throw new Transient(registryError(`${where}: the server sends more than the ${size} bytes it should`));
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from);
  }
}

/** Whether an answer to a range begins where it was asked to and belongs to a blob of the right size. */
function isWantedRange(response: HttpResponse, position: number, size: number): boolean {
  if (response.status !== 206) return false;
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(
    response.first('content-range')?.trim() ?? '',
  );
  if (match === null) return false;
  const [, first, last, total] = match;
  return Number(first) === position && Number(last) < size && (total === '*' || Number(total) === size);
}

function tooShort(endpoint: Endpoint, digest: string, position: number, size: number): OcirenderError {
  return networkError(`${endpoint.host}: blob ${digest} ended after ${position} of ${size} bytes`);
}
