import { createHash } from 'node:crypto';
import { DigestMismatchError, LimitError } from '@ocirender/interface';
import { type LayoutLimits, parseDigest } from '@ocirender/oci-layout';
import {
  checkDigest,
  type IndexDocument,
  kindOfMediaType,
  type ManifestDocument,
  parseDocument,
  sizeMismatch,
} from '@ocirender/oci-layout/documents';
import { decodedBody } from './content-encoding.ts';
import type { Endpoint } from './endpoint.ts';
import type { HttpResponse } from './http.ts';
import { isWebPage, webPageError } from './web-page.ts';

/** Which manifest. */
export interface ManifestRequest {
  readonly repository: string;
  /** Asked for unless there is a digest. */
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
  /** Bytes, where a descriptor names them. */
  readonly size?: number;
  /** As a descriptor spells it, where there is one. */
  readonly mediaType?: string | undefined;
}

/** A document that is served where manifests are, whatever it holds; its digest is verified. */
export interface FetchedDocument {
  readonly digest: string;
  readonly bytes: Uint8Array;
  /** Host that served it. */
  readonly host: string;
  /** `Content-Type`. */
  readonly served: string | undefined;
}

/** An index or manifest whose digest is verified. */
export interface FetchedManifest {
  readonly digest: string;
  readonly bytes: Uint8Array;
  /** As the document or the server spells it. */
  readonly mediaType: string;
  readonly document: IndexDocument | ManifestDocument;
  /** Host that served it. */
  readonly host: string;
}

interface Context extends ManifestRequest {
  readonly what: string;
  readonly limits: LayoutLimits;
  readonly signal: AbortSignal | undefined;
}

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** Fetches a document once from one endpoint. */
export async function fetchDocument(endpoint: Endpoint, context: Context): Promise<FetchedDocument> {
  const { repository, tag, digest, mediaType, what, limits, signal } = context;
  const response = await endpoint.get({
    repository,
    path: `manifests/${digest ?? tag ?? 'latest'}`,
    what,
    headers: { accept: isUnfamiliar(mediaType) ? `${mediaType}, ${ACCEPT}` : ACCEPT },
    accepted: [200],
    signal,
  });
  const bytes = await readLimited(response, limits.documentBytes, what);
  if (isWebPage(bytes)) throw webPageError(response.url, what, bytes);
  const where = `${what} (${endpoint.host})`;
  if (context.size !== undefined && bytes.length !== context.size) {
    throw sizeMismatch(where, context.size, String(bytes.length));
  }
  const verified = digest ?? digestOfTag(bytes, response.first('docker-content-digest'), where);
  checkDigest(bytes, verified, where);
  return { digest: verified, bytes, host: endpoint.host, served: response.first('content-type') };
}

/**
 * Reads a document as the index or manifest that it should be.
 *
 * @param mediaType - as a descriptor spells it, where there is one
 * @throws {OcirenderError} as `parseDocument`
 */
export function asManifest(
  { digest, bytes, host, served }: FetchedDocument,
  { what, mediaType, limits }: Pick<Context, 'what' | 'mediaType' | 'limits'>,
): FetchedManifest {
  const document = parseDocument(bytes, `${what} (${host})`, mediaType ?? served, limits);
  return {
    digest,
    bytes,
    mediaType: ownMediaType(bytes) ?? mediaType ?? servedMediaType(served) ?? OCI_TYPES[document.kind],
    document,
    host,
  };
}

/** Whether a descriptor names a type that is neither an index's nor a manifest's, and may stand in a header. */
function isUnfamiliar(mediaType: string | undefined): boolean {
  return (
    mediaType !== undefined &&
    kindOfMediaType(mediaType) === undefined &&
    /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(mediaType)
  );
}

/**
 * The digest of what a tag names. The server's word is not enough, but when it contradicts the bytes, something is
 * broken on the way.
 */
function digestOfTag(bytes: Uint8Array, header: string | undefined, where: string): string {
  const own = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (header === undefined || header === own) return own;
  if (parseDigest(header, `${where}: Docker-Content-Digest`).algorithm === 'sha256') {
    throw new DigestMismatchError(where, header, own);
  }
  return header;
}

/** A manifest need not name its type. */
const OCI_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
} as const;

/** The field `mediaType` of a document that has been parsed already. */
function ownMediaType(bytes: Uint8Array): string | undefined {
  const { mediaType } = JSON.parse(
    Buffer.from(bytes)
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  ) as { mediaType?: string };
  return mediaType || undefined;
}

/** The server's word, unless it says nothing (`text/plain`, `application/json`). */
function servedMediaType(header: string | undefined): string | undefined {
  const name = header?.split(';')[0]?.trim();
  return kindOfMediaType(name) === undefined ? undefined : name;
}

async function readLimited(response: HttpResponse, maximum: number, what: string): Promise<Buffer> {
  const tooLarge = (): LimitError => new LimitError('documentBytes', maximum, `${what} is too large`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body = decodedBody(
    response.body(),
    response.first('content-encoding'),
    `${response.url.host}: ${what}`,
  );
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maximum) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
