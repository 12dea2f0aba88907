import { OcirenderError, userinfoError } from '@ocirender/interface';
import { parseDigest } from '@ocirender/oci-layout';

/** A reference to an image of a registry, with Docker's defaults filled in. */
export interface RegistryReference {
  /** Host and port as names and credential files spell it; Docker Hub is `docker.io`. */
  readonly registry: string;
  /** For example `library/nginx`. */
  readonly repository: string;
  /** Undefined only beside a digest. */
  readonly tag?: string;
  /** `sha256:…` or `sha512:…`, well-formed. */
  readonly digest?: string;
}

/** The registry that is meant where none is named. */
export const DOCKER_HUB = 'docker.io';

/** Longest name (registry and repository together) that the grammar admits. */
const MAX_NAME = 255;
const MAX_TAG = 128;
/** Name, tag and the longest digest together are shorter. */
const MAX_REFERENCE = 1024;
/** Says that a name is one of a registry. */
export const DOCKER_PREFIX = 'docker://';

const DOMAIN_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = new RegExp(`^(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
/** Separators are one of `.`, `_`, `__` or any number of dashes; the alternatives exclude each other. */
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/**
 * Reads a reference as Docker does: `nginx` is `docker.io/library/nginx:latest`. What comes before the first `/` is
 * a host when it holds a `.` or `:`, is `localhost` or has a capital. A prefix `docker://` is ignored.
 *
 * @param text - `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`
 * @returns its parts; with a digest and no tag there is no default tag
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it does not follow the grammar, `ERR_OCIRENDER_INVALID_DIGEST`
 * @see https://github.com/distribution/reference/blob/v0.6.0/reference.go
 */
export function parseReference(text: string): RegistryReference {
  const secret = userinfoError(text);
  if (secret !== undefined) throw secret;
  const spec = text.startsWith(DOCKER_PREFIX) ? text.slice(DOCKER_PREFIX.length) : text;
  if (spec.length > MAX_REFERENCE) throw invalid(text, `it is longer than ${MAX_REFERENCE} characters`);
  const at = spec.indexOf('@');
  const digest = at === -1 ? undefined : spec.slice(at + 1);
  if (digest !== undefined) parseDigest(digest, `reference ${quoted(text)}`);
  const named = at === -1 ? spec : spec.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const { registry, repository } = splitName(hasTag ? named.slice(0, colon) : named, text);
  if (tag !== undefined && (!TAG.test(tag) || tag.length > MAX_TAG)) {
    throw invalid(text, `the tag ${quoted(tag)} may have letters, digits and "_.-" only, at most ${MAX_TAG}`);
  }
  if (digest !== undefined) return { registry, repository, digest, ...(tag === undefined ? {} : { tag }) };
  return { registry, repository, tag: tag ?? 'latest' };
}

/**
 * Spells a reference in full.
 *
 * @param reference - as {@link parseReference} gives it
 * @returns for example `docker.io/library/nginx:latest`
 */
export function formatReference(reference: RegistryReference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/**
 * Gives a registry the name under which names and credential files know it.
 *
 * @param text - a host with or without port; `index.docker.io` and `registry-1.docker.io` are `docker.io`
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is no host
 */
export function parseRegistry(text: string): string {
  if (text.length > MAX_NAME || !DOMAIN.test(text)) {
    const secret = userinfoError(text);
    if (secret !== undefined) throw secret;
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `${quoted(text)} is not the name of a registry`, {
      hint: 'Write HOST or HOST:PORT, for example registry.example.com:5000, without https://.',
    });
  }
  return canonicalRegistry(text);
}

/** The server that a registry's name means. */
export function registryBase(registry: string, insecure: boolean): URL {
  // Docker Hub never speaks plain http; a mirror of it may.
  if (registry === DOCKER_HUB) return new URL('https://registry-1.docker.io');
  return new URL(`${insecure ? 'http' : 'https'}://${registry}`);
}

function splitName(name: string, text: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost =
    slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  if (isHost && !DOMAIN.test(first)) throw invalid(text, `${quoted(first)} is not a host`);
  const registry = isHost ? canonicalRegistry(first) : DOCKER_HUB;
  const path = isHost ? name.slice(slash + 1) : name;
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (path === '') throw invalid(text, 'the repository is missing');
  if (registry.length + 1 + repository.length > MAX_NAME) {
    throw invalid(text, `the name is longer than ${MAX_NAME} characters`);
  }
  if (!isHost && /^[0-9a-f]{64}$/.test(path)) {
    throw invalid(text, 'a name of 64 hexadecimal digits would be mistaken for an image id');
  }
  for (const component of path.split('/')) {
    if (!PATH_COMPONENT.test(component)) {
      throw invalid(
        text,
        `${quoted(component)} may have lower-case letters, digits and single "._-" between them`,
      );
    }
  }
  return { registry, repository };
}

function canonicalRegistry(host: string): string {
  const lower = host.toLowerCase();
  return lower === 'index.docker.io' || lower === 'registry-1.docker.io' ? DOCKER_HUB : host;
}

function invalid(text: string, why: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', `${quoted(text)} is not an image reference: ${why}`, {
    hint: 'Write [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], for example nginx:1.27 or ghcr.io/owner/name:1.0.',
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
}
