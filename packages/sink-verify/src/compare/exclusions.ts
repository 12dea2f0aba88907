import { type ByteString, byteStringFromText, OcirenderError } from '@ocirender/interface';
import picomatch from 'picomatch';
import type { IgnoredPath } from '../report/comparison.ts';
import type { DifferenceField } from '../report/difference.ts';
import { comparePaths } from '../report/path-order.ts';

/** What `docker export` adds to a container's files at run time. */
export const DOCKER_EXPORT_PATHS: readonly ByteString[] = [
  '.dockerenv',
  'dev/console',
  'dev/pts',
  'dev/shm',
  'etc/hostname',
  'etc/hosts',
  'etc/resolv.conf',
  'etc/mtab',
];

/** Fields of the root: `docker export` writes no entry for it. */
const ROOT_FIELDS: ReadonlySet<DifferenceField> = new Set(['mode', 'uid', 'gid', 'mtime', 'xattrs']);
/** Fields of the directories that the added names are made in. */
const PARENT_FIELDS: ReadonlySet<DifferenceField> = new Set(['mtime']);
const NO_FIELDS: ReadonlySet<DifferenceField> = new Set();

const MAX_KEPT = 1000;

/** Decides what is left out of a comparison, and keeps a list of it. */
export class Exclusions {
  readonly #dockerExport: boolean;
  readonly #globs: readonly { readonly glob: string; readonly matches: (path: ByteString) => boolean }[];
  readonly #met = new Map<ByteString, IgnoredPath>();
  #dropped = 0;

  /**
   * @param globs - as the user wrote them; a leading slash means nothing
   * @param dockerExport - whether {@link DOCKER_EXPORT_PATHS} are left out
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for a glob that cannot be understood
   */
  constructor(globs: readonly string[], dockerExport: boolean) {
    this.#dockerExport = dockerExport;
    this.#globs = globs.map((glob) => ({ glob, matches: compile(glob) }));
  }

  /** Why a path is left out; undefined when it counts. */
  reason(path: ByteString): string | undefined {
    if (this.#dockerExport && DOCKER_EXPORT_PATHS.includes(path)) return '--docker-export';
    if (this.#globs.length === 0 || path === '') return undefined;
    return this.#globs.find(({ matches }) => matches(path))?.glob;
  }

  /** Notes a path that one side has and that is left out. */
  note(path: ByteString, side: 'subject' | 'reference', reason: string): void {
    const known = this.#met.get(path);
    if (known !== undefined) {
      if (known.side !== side) this.#met.set(path, { ...known, side: 'both' });
    } else if (this.#met.size < MAX_KEPT) this.#met.set(path, { path, side, reason });
    else this.#dropped++;
  }

  /** Fields of a path's inode that do not count. */
  fieldsLeftOut(path: ByteString): ReadonlySet<DifferenceField> {
    if (!this.#dockerExport) return NO_FIELDS;
    if (path === '') return ROOT_FIELDS;
    return path === 'dev' || path === 'etc' ? PARENT_FIELDS : NO_FIELDS;
  }

  /** {@link Exclusions.fieldsLeftOut} in words. */
  get metadataLeftOut(): readonly string[] {
    if (!this.#dockerExport) return [];
    return ['mode, owner, time and xattrs of the root directory', 'times of /dev and /etc'];
  }

  /** What was left out, in the order of the paths. */
  get paths(): readonly IgnoredPath[] {
    return [...this.#met.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  /** How many more were left out; those that both sides have count twice. */
  get pathsDropped(): number {
    return this.#dropped;
  }
}

function compile(glob: string): (path: ByteString) => boolean {
  const pattern = byteStringFromText(glob)
    .replace(/^\.?\/+/, '')
    .replace(/\/+$/, '');
  if (pattern === '') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `the glob ${JSON.stringify(glob)} names no path`, {
      hint: 'Write a path from the root, for example "var/cache/**" or "**/__pycache__".',
    });
  }
  try {
    return picomatch(pattern, { dot: true, strictBrackets: true });
  } catch (cause) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `the glob ${JSON.stringify(glob)} cannot be understood`, {
      cause,
      hint: 'Close every bracket, and write a backslash before a character that stands for itself.',
    });
  }
}
