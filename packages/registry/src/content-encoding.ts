import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { quotedFromServer, registryError, Transient } from './errors.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What a body is coded with although nobody asked for it; undefined for a body as it should be. */
export function contentCoding(header: string | undefined): string | undefined {
  const codings = (header ?? '').split(',').map((coding) => coding.trim().toLowerCase());
  return codings.filter((coding) => coding !== '' && coding !== 'identity').join(', ') || undefined;
}

/**
 * Undoes the coding of a body. Requests ask for none, but some proxies compress all the same.
 *
 * @param body - as it is sent
 * @param header - `Content-Encoding`
 * @param where - address for messages
 * @throws {OcirenderError} `ERR_OCIRENDER_REGISTRY` for codings that are unknown
 * @throws {Transient} when it cannot be decoded, and what the body throws
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-8.4
 */
export async function* decodedBody(
  body: AsyncGenerator<Uint8Array>,
  header: string | undefined,
  where: string,
): AsyncGenerator<Uint8Array> {
  const coding = contentCoding(header);
  if (coding === undefined) {
    yield* body;
    return;
  }
  const create = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (create === undefined) {
    await body.return(undefined);
    throw registryError(
      `${where}: the answer has Content-Encoding ${quotedFromServer(coding)}, which was not asked for`,
      { hint: 'A proxy on the way may change answers: let it leave those of registries as they are.' },
    );
  }
  const decoder = create();
  const ended = pipeline(Readable.from(body, { objectMode: false }), decoder);
  // It is awaited below; until then it shall not count as unhandled.
  ended.catch(() => {});
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
    await ended;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^Z_|^ERR_(_ERROR|BROTLI)/.test(String(error.code)))) {
      throw error;
    }
    throw new Transient(
      registryError(`${where}: the answer has Content-Encoding ${coding}, but is not: ${error.message}`),
    );
  }
}
