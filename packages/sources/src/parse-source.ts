import { type Stats, statSync } from 'node:fs';
import { OcirenderError, userinfoError } from '@ocirender/interface';
import { type ImageReference, parseReference } from '@ocirender/oci-layout';
import type { EngineName } from './daemon/engine-address.ts';
import { foreignTransport } from './foreign-transports.ts';

/** What an image reference means. */
export type SourceReference =
  /** A directory: an OCI layout, an unpacked `docker save`, or skopeo's `dir:`; a prefix forces the first or the last. */
  | {
      readonly kind: 'directory';
      readonly form?: 'layout' | 'docker-dir';
      readonly reference: ImageReference;
    }
  /** A tar file of either; forced by `oci-archive:` or `docker-archive:`. */
  | { readonly kind: 'archive'; readonly form?: 'layout' | 'docker-save'; readonly reference: ImageReference }
  | { readonly kind: 'stdin' }
  /** An image that Docker or Podman keeps. */
  | { readonly kind: 'engine'; readonly engine: EngineName; readonly name: string }
  /** A directory of Docker's overlay2 storage. */
  | { readonly kind: 'overlay2'; readonly directory: string }
  /** In a registry; `guessed` when no prefix says so. */
  | { readonly kind: 'registry'; readonly reference: string; readonly guessed: boolean };

/** The prefixes that force a form. */
export const SOURCE_PREFIXES = [
  'oci:',
  'oci-archive:',
  'docker-archive:',
  'docker-daemon:',
  'docker://',
  'podman:',
  'dir:',
  'overlay2:',
] as const;

/** How references are written, for messages. */
export const SOURCE_FORMS =
  'An image is a directory (OCI layout, unpacked docker save, skopeo\'s dir:, overlay2), an archive of one (tar, also compressed), "-" for an archive on standard input, a name in a registry, or an image of Docker or Podman. Prefixes force one: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], dir:DIR, overlay2:DIR, docker://NAME, docker-daemon:NAME, podman:NAME.';

/**
 * Finds out what an image reference means. Without a prefix, what exists on disk wins; what looks like a path and does
 * not exist is an error, never a question to a registry.
 *
 * @param text - the reference
 * @returns its meaning; that a file or directory exists is checked only where it decides
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` for what is neither there nor the name of an image in a registry,
 * `ERR_OCIRENDER_USAGE` for a prefix with nothing behind it
 */
export function parseSource(text: string): SourceReference {
  if (text === '-') return { kind: 'stdin' };
  const isThere = kindOf(text) !== undefined;
  const prefix = SOURCE_PREFIXES.find((candidate) => text.startsWith(candidate));
  const secret = isThere ? undefined : userinfoError(text);
  if (secret !== undefined) throw secret;
  const foreign = isThere ? undefined : foreignTransport(text);
  if (foreign !== undefined) throw foreign;
  if (prefix !== undefined && !isThere) return forced(prefix, text.slice(prefix.length));
  const reference = parseReference(text);
  const kind = kindOf(reference.directory);
  if (kind === 'file') return { kind: 'archive', reference };
  if (kind === 'directory') {
    const isStorage = reference.tag === undefined && reference.digest === undefined && isOverlay2(text);
    return isStorage ? { kind: 'overlay2', directory: text } : { kind: 'directory', reference };
  }
  if (kind !== undefined) {
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${text} is neither a file nor a directory`, {
      hint: SOURCE_FORMS,
    });
  }
  if (mayBeRegistryName(text)) return { kind: 'registry', reference: text, guessed: true };
  throw notThere(text);
}

function forced(prefix: (typeof SOURCE_PREFIXES)[number], rest: string): SourceReference {
  if (rest === '') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `nothing follows ${prefix}`, { hint: SOURCE_FORMS });
  }
  switch (prefix) {
    case 'oci:':
      return { kind: 'directory', form: 'layout', reference: parseReference(rest) };
    case 'oci-archive:':
      return { kind: 'archive', form: 'layout', reference: parseReference(rest) };
    case 'docker-archive:':
      return { kind: 'archive', form: 'docker-save', reference: parseReference(rest) };
    case 'docker://':
      return { kind: 'registry', reference: rest, guessed: false };
    case 'docker-daemon:':
      return { kind: 'engine', engine: 'docker', name: rest };
    case 'podman:':
      return { kind: 'engine', engine: 'podman', name: rest };
    case 'dir:':
      return { kind: 'directory', form: 'docker-dir', reference: { directory: rest } };
    case 'overlay2:':
      return { kind: 'overlay2', directory: rest };
  }
}

function kindOf(path: string): 'file' | 'directory' | 'other' | undefined {
  const stats = statOf(path);
  if (stats === undefined) return undefined;
  return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
}

function statOf(path: string): Stats | undefined {
  if (path === '' || path.includes('\0')) return undefined;
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A layer's directory of Docker's overlay2 (and containers/storage's overlay): `diff`, `link` and mostly `lower`. */
function isOverlay2(directory: string): boolean {
  return (
    kindOf(`${directory}/diff`) === 'directory' &&
    kindOf(`${directory}/link`) === 'file' &&
    kindOf(`${directory}/index.json`) === undefined &&
    kindOf(`${directory}/manifest.json`) === undefined
  );
}

const NAME = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const SUFFIX = '(?::[\\w][\\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?';
/** `nginx`, `nginx:1.27`: no path would be written like that, but for the endings of archives. */
const PLAIN_NAME = new RegExp(`^${NAME}${SUFFIX}$`);
/**
 * `registry.example/name`, `localhost:5000/name`: the part before the first slash can only be a host. `localhost/name` is
 * how Podman calls what was built here: no registry is asked for it.
 */
const WITH_HOST = new RegExp(
  `^(?:localhost:\\d+|\\[[0-9a-fA-F:]+\\](?::\\d+)?|[\\w-]+(?:\\.[\\w-]+)+(?::\\d+)?|[\\w-]+:\\d+)/${NAME}(?:/${NAME})*${SUFFIX}$`,
);
const REPOSITORY = new RegExp(`^${NAME}(?:/${NAME})+${SUFFIX}$`);
const ARCHIVE_ENDING = /\.(?:tar|tgz|tzst|txz|tbz2?|oci|gz|zst|xz|bz2)$/;

function mayBeRegistryName(text: string): boolean {
  return (
    (PLAIN_NAME.test(text) && !ARCHIVE_ENDING.test(text)) || (WITH_HOST.test(text) && !isBelowDirectory(text))
  );
}

/** `build.out/image`, where `build.out` is a directory here: a path with a typing error. */
function isBelowDirectory(text: string): boolean {
  return kindOf(text.slice(0, text.indexOf('/'))) === 'directory';
}

function notThere(text: string): OcirenderError {
  const isLocal = text.startsWith('localhost/');
  const registry = !REPOSITORY.test(text)
    ? ''
    : isLocal
      ? ` Podman calls images so that were built here: write podman:${text}, or docker://${text} for a registry on this machine.`
      : ` To get it from Docker Hub, write docker://${text}.`;
  return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `there is no file or directory ${text}`, {
    hint: `Looked for a directory and an archive of that name, also with what follows a ":" or "@" left out.${registry} ${SOURCE_FORMS}`,
  });
}
