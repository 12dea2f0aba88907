import { type ByteString, displayPath, type Entry, LimitError, OcirenderError } from '@ocirender/interface';
import { heldEntryBytes, heldXattrBytes } from '@ocirender/tar-header';
import type { TarArchiveLimits } from './limits.ts';
import { TarDirectory, TarNode } from './tar-node.ts';

/** Symbolic links that one path may lead through, as in Linux (path_resolution(7)). */
const MAX_SYMLINKS = 40;

/** A component of a path that is being walked. */
interface Step {
  readonly name: ByteString;
  /** Whether it comes from a symbolic link's target, where `..` stops at the root. */
  readonly isLinked: boolean;
}

/**
 * The tree that an archive extracts to.
 *
 * Members are applied in their order: the later member of a path wins, missing parents are made, paths lead through
 * symbolic links inside the root. A hard link adds a name and changes nothing else, as in GNU tar and libarchive. All
 * names are plain: an archive of a root file system knows no whiteouts.
 */
export class ArchiveTree {
  readonly root: TarDirectory = new TarDirectory(0, undefined);
  readonly #limits: TarArchiveLimits;
  #nextId = 1;
  #members = 0;
  /** Directories that no member describes. */
  #implied = 0;
  #metadataBytes = 0;
  /** The directory that the last member's parent led to: its neighbours follow. */
  #lastPath: ByteString | undefined;
  #lastDirectory: TarDirectory = this.root;
  /** Whether a member describes the root. */
  hasRootEntry = false;

  constructor(limits: TarArchiveLimits) {
    this.#limits = limits;
  }

  /** Members applied so far. */
  get members(): number {
    return this.#members;
  }

  /**
   * Applies the next member.
   *
   * @param entry - the member
   * @returns the inode that it makes or describes; undefined for a hard link
   * @throws {OcirenderError} `ERR_OCIRENDER_PATH_ESCAPE`, `ERR_OCIRENDER_CONFLICT`, `ERR_OCIRENDER_SYMLINK_LOOP`,
   * `ERR_OCIRENDER_INVALID_HARDLINK`
   * @throws {LimitError} for too many members, too much metadata, too deep a path
   */
  add(entry: Entry): TarNode | undefined {
    const member = this.#members++;
    this.#checkLimits(entry);
    const { path } = entry;
    const { directory, name } = this.#parent(path);
    if (entry.type === 'hardlink') {
      this.#link(directory, name, entry);
      return undefined;
    }
    if (entry.type === 'directory') return this.#directory(directory, name, entry, member);
    if (name === '') throw conflict(path, `names the root, which cannot be a ${entry.type}`);
    const node = new TarNode(this.#nextId++, entry, member);
    this.#put(directory, name, node);
    return node;
  }

  #directory(parent: TarDirectory, name: ByteString, entry: Entry, member: number): TarDirectory {
    const existing = name === '' ? parent : parent.children.get(name);
    if (existing instanceof TarDirectory) {
      if (existing === this.root) this.hasRootEntry = true;
      existing.describe(entry);
      return existing;
    }
    const made = new TarDirectory(this.#nextId++, parent, entry, member);
    this.#checkDepth(made, entry.path);
    this.#put(parent, name, made);
    return made;
  }

  #link(directory: TarDirectory, name: ByteString, { path, linkTarget }: Entry): void {
    const target = this.#find(linkTarget);
    if (target === undefined) throw invalidLink(path, linkTarget, 'does not exist before it');
    if (target instanceof TarDirectory) throw invalidLink(path, linkTarget, 'is a directory');
    if (name === '') throw conflict(path, 'names the root, which cannot be a hard link');
    if (directory.children.get(name) !== target) this.#put(directory, name, target);
  }

  #put(directory: TarDirectory, name: ByteString, node: TarNode): void {
    const existing = directory.children.get(name);
    directory.children.set(name, node);
    const changesPaths =
      existing !== undefined && (existing.type === 'directory' || existing.type === 'symlink');
    if (changesPaths) this.#lastPath = undefined;
  }

  /** What a path names, links followed in its parents but not at its end. */
  #find(path: ByteString): TarNode | undefined {
    const { directory, name } = this.#walk(path, false) ?? {};
    if (directory === undefined || name === undefined) return undefined;
    return name === '' ? directory : directory.children.get(name);
  }

  #parent(path: ByteString): { directory: TarDirectory; name: ByteString } {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    // A plain name next to the last one.
    if (
      slash > 0 &&
      path.slice(0, slash) === this.#lastPath &&
      name !== '' &&
      name !== '.' &&
      name !== '..'
    ) {
      return { directory: this.#lastDirectory, name };
    }
    const found = this.#walk(path, true)!;
    if (slash > 0 && name === found.name) {
      this.#lastPath = path.slice(0, slash);
      this.#lastDirectory = found.directory;
    }
    return found;
  }

  /**
   * Walks to the directory that holds a path's last name.
   *
   * @param make - whether to make what is missing
   * @returns the directory and the name, which is empty when the path ends in the directory itself; undefined when
   * there is no such directory
   */
  #walk(path: ByteString, make: boolean): { directory: TarDirectory; name: ByteString } | undefined {
    const pending = steps(path, false);
    let directory = this.root;
    let links = 0;
    for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
      const { name, isLinked } = step;
      if (name === '..') {
        if (directory === this.root && !isLinked) throw pathEscape(path);
        directory = directory.parent;
        continue;
      }
      if (pending.length === 0) return { directory, name };
      const child = directory.children.get(name);
      if (child instanceof TarDirectory) {
        directory = child;
      } else if (child?.type === 'symlink') {
        if (++links > MAX_SYMLINKS) throw loop(path);
        if (child.target.startsWith('/')) directory = this.root;
        for (const target of steps(child.target, true)) pending.push(target);
      } else if (!make) {
        return undefined;
      } else if (child !== undefined) {
        throw conflict(path, `lies below "${displayPath(name)}", which is a ${child.type}`);
      } else {
        this.#implied++;
        this.#checkEntries();
        const made = new TarDirectory(this.#nextId++, directory);
        this.#checkDepth(made, path);
        directory.children.set(name, made);
        directory = made;
      }
    }
    return { directory, name: '' };
  }

  #checkLimits(entry: Entry): void {
    const { metadataBytes } = this.#limits;
    this.#checkEntries();
    this.#metadataBytes += heldEntryBytes(entry, entry.path) + heldXattrBytes(entry.xattrs);
    if (this.#metadataBytes <= metadataBytes) return;
    throw new LimitError('metadataBytes', metadataBytes, "the tar's names and attributes are too large");
  }

  /** Each directory takes as much memory as a member, whether one describes it or names just imply it. */
  #checkEntries(): void {
    const { entries } = this.#limits;
    if (this.#members + this.#implied > entries)
      throw new LimitError(
        'entries',
        entries,
        'the tar has too many members, with the directories they imply',
      );
  }

  #checkDepth({ depth }: TarDirectory, path: ByteString): void {
    const { pathDepth } = this.#limits;
    if (depth <= pathDepth) return;
    throw new LimitError('pathDepth', pathDepth, `"${displayPath(path.slice(0, 80))}…" is too deep`);
  }
}

/** The components of a path, the last one first. */
function steps(path: ByteString, isLinked: boolean): Step[] {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .map((name) => ({ name, isLinked }))
    .reverse();
}

function pathEscape(path: ByteString): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_PATH_ESCAPE', `"${displayPath(path)}" climbs out of the root`);
}

function loop(path: ByteString): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SYMLINK_LOOP',
    `"${displayPath(path)}": more than ${MAX_SYMLINKS} symbolic links on the way`,
  );
}

function conflict(path: ByteString, why: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_CONFLICT', `"${displayPath(path)}" ${why}`);
}

function invalidLink(path: ByteString, target: ByteString, why: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_INVALID_HARDLINK',
    `hard link "${displayPath(path)}": its target "${displayPath(target)}" ${why}`,
  );
}
