import {
  type ByteString,
  type Diagnostic,
  type DiagnosticHandler,
  displayPath,
  LimitError,
  type Metadata,
  NO_XATTRS,
  OcirenderError,
} from '@ocirender/interface';
import type { Journal, JournalRecord, RecordKind } from './journal.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { DeviceNode, DirectoryNode, FileNode, SpecialNode, SymlinkNode, type TreeNode } from './nodes.ts';
import { baseName, parentPath } from './path.ts';
import type { MergePolicy } from './policy.ts';
import { findDirectory, type Resolution, resolveDirectory } from './resolver.ts';
import { linkedMetadata } from './scan.ts';

/** What a replay needs. */
export interface ReplayOptions {
  readonly policy: MergePolicy;
  /** Free the journals' records once they are applied: only their refs can be read then. @defaultValue false */
  readonly release?: boolean;
  /** Most components of a path once links are followed. @defaultValue the limit's default */
  readonly pathDepth?: number;
  /**
   * Archive members and directories that no member describes, together: a name of many components makes as many
   * directories. @defaultValue the limit's default
   */
  readonly entries?: number;
  /** Seconds since the epoch for directories that no layer describes. */
  readonly sourceDateEpoch: number;
  readonly diagnose: DiagnosticHandler;
}

/** As often are waiting hard links tried again: each time those that wait for links made the time before. */
const MAX_LINK_PASSES = 40;

/** A hard link that found no target yet. */
interface WaitingLink {
  readonly record: JournalRecord;
  readonly index: number;
}

/**
 * Applies journals oldest first to a tree in memory, as a container runtime applies layers to a disk. This is the one
 * place that decides what a merged image is.
 *
 * Within a layer the markers act first, on what lower layers left, so their order among the entries does not matter;
 * then the entries in the archive's order.
 */
export class Replay {
  readonly root: DirectoryNode;
  /** Every inode that a hard link has ever given another name. */
  readonly linked: Set<TreeNode> = new Set();
  readonly #options: ReplayOptions;
  /** The directory that the last entry's parent path led to; forgotten when the way there may have changed. */
  #lastParent: { path: ByteString; directory: DirectoryNode } | undefined;
  #layer = 0;
  /** Records of the journals so far, and directories that were made for want of one. */
  #entries = 0;
  #digest = '';

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.root = new DirectoryNode(this.#implied(), -1);
  }

  /**
   * Applies one layer.
   *
   * @param journal - the layer's headers
   * @param layer - its place in the manifest, 0 for the oldest; one more than at the last call
   * @param digest - the layer's, for diagnostics
   * @throws {OcirenderError} for entries that contradict each other, unless the policy is lenient
   */
  apply(journal: Journal, layer: number, digest: string): void {
    this.#layer = layer;
    this.#digest = digest;
    this.#entries += journal.length;
    this.#lastParent = undefined;
    // Links resolve against the state before this layer's markers.
    const before = journal.markers > 0 ? this.#linkTargets(journal) : undefined;
    if (journal.markers > 0) this.#applyMarkers(journal);
    const waiting: WaitingLink[] = [];
    for (let index = 0; index < journal.length; index++) {
      // What waits is compared with later records only.
      if (this.#options.release === true && waiting.length === 0) journal.release(index);
      const kind = journal.kind(index);
      if (!isEntry(kind)) continue;
      const record = journal.record(index);
      if (kind !== 'hardlink') this.#place(record, index);
      else if (!this.#link(record, before?.get(index))) waiting.push({ record, index });
    }
    if (waiting.length > 0) this.#linkLate(waiting, journal);
  }

  #applyMarkers(journal: Journal): void {
    const replaced = this.#directoriesOverLinks(journal);
    this.#lastParent = undefined;
    for (let index = 0; index < journal.length; index++) {
      const kind = journal.kind(index);
      if (kind !== 'whiteout' && kind !== 'opaque') continue;
      const path = journal.path(index);
      const where = kind === 'opaque' ? path : parentPath(path);
      if (below(where, replaced)) continue;
      const directory = findDirectory(this.root, where);
      if (kind === 'opaque') directory?.children.clear();
      else directory?.children.delete(baseName(path));
    }
  }

  /** Paths where this layer puts a directory in a lower link's place: markers below them have nothing to hide. */
  #directoriesOverLinks(journal: Journal): Set<ByteString> {
    const paths = new Set<ByteString>();
    if (this.#options.policy.keepDirlinks) return paths;
    for (let index = 0; index < journal.length; index++) {
      if (journal.kind(index) !== 'directory') continue;
      const path = journal.path(index);
      if (path === '') continue;
      if (this.#find(path)?.type === 'symlink') paths.add(path);
    }
    return paths;
  }

  #linkTargets(journal: Journal): Map<number, TreeNode> {
    const targets = new Map<number, TreeNode>();
    for (let index = 0; index < journal.length; index++) {
      if (journal.kind(index) !== 'hardlink') continue;
      const target = this.#find(journal.record(index).linkTarget);
      if (target !== undefined) targets.set(index, target);
    }
    return targets;
  }

  /** What a path names, links followed in its parents but not at its end. */
  #find(path: ByteString): TreeNode | undefined {
    if (path === '') return this.root;
    return findDirectory(this.root, parentPath(path))?.children.get(baseName(path));
  }

  #place(record: JournalRecord, index: number): void {
    const { path, kind } = record;
    if (path === '') {
      if (kind !== 'directory') throw this.#conflict(path, `the root is a ${kind}`);
      this.#describe(this.root, record);
      return;
    }
    const parent = this.#parent(record);
    const existing = parent.children.get(record.name);
    if (kind === 'directory') this.#placeDirectory(record, parent, existing);
    else this.#put(parent, record.name, this.#node(record, index), existing);
  }

  #node(record: JournalRecord, index: number): TreeNode {
    switch (record.kind) {
      case 'file':
        return new FileNode(record, this.#layer, index);
      case 'symlink':
        return new SymlinkNode(record, this.#layer);
      case 'character-device':
      case 'block-device':
        return new DeviceNode(record, record.kind, this.#layer);
      case 'fifo':
      case 'socket':
        return new SpecialNode(record, record.kind, this.#layer);
      default:
        throw new TypeError(`a ${record.kind} makes no inode`);
    }
  }

  #placeDirectory(record: JournalRecord, parent: DirectoryNode, existing: TreeNode | undefined): void {
    if (existing?.type === 'directory') {
      this.#describe(existing, record);
      return;
    }
    if (existing?.type === 'symlink') {
      if (this.#options.policy.keepDirlinks) {
        const directory = findDirectory(this.root, record.path);
        if (directory !== undefined) {
          this.#describe(directory, record);
          return;
        }
      }
      this.#diagnose('directory-over-symlink', record.path, 'a directory takes the place of a symbolic link');
    }
    this.#put(parent, record.name, new DirectoryNode(record, this.#layer), existing);
  }

  #describe(directory: DirectoryNode, record: JournalRecord): void {
    directory.mode = record.mode;
    directory.uid = record.uid;
    directory.gid = record.gid;
    directory.mtime = record.mtime;
    directory.mtimeNs = record.mtimeNs;
    directory.xattrs = record.xattrs;
    directory.layer = this.#layer;
    if (record.extraPax !== undefined) directory.extraPax = record.extraPax;
    else delete directory.extraPax;
  }

  #put(parent: DirectoryNode, name: ByteString, node: TreeNode, existing: TreeNode | undefined): void {
    parent.children.set(name, node);
    if (node.type === 'symlink' || existing?.type === 'directory' || existing?.type === 'symlink') {
      this.#lastParent = undefined;
    }
  }

  /** Makes a hard link; false when its target does not exist (yet). */
  #link(record: JournalRecord, before: TreeNode | undefined): boolean {
    const { path, linkTarget } = record;
    if (path === linkTarget) {
      this.#diagnose('hardlink-to-self', path, 'a hard link to itself changes nothing');
      return true;
    }
    const target = this.#find(linkTarget) ?? before;
    if (target === undefined) return false;
    if (target.type === 'directory') {
      throw this.#invalidLink(record, 'is a directory');
    }
    if (path === '') throw this.#conflict(path, 'the root is a hard link');
    const parent = this.#parent(record);
    this.#put(parent, record.name, target, parent.children.get(record.name));
    this.linked.add(target);
    this.#describeLinked(target, record);
    return true;
  }

  #describeLinked(inode: Exclude<TreeNode, DirectoryNode>, record: JournalRecord): void {
    const merged = linkedMetadata(inode, record);
    if (inode.type === 'symlink') merged.mode = inode.mode;
    const same =
      merged.mode === inode.mode &&
      merged.uid === inode.uid &&
      merged.gid === inode.gid &&
      merged.mtime === inode.mtime &&
      merged.mtimeNs === inode.mtimeNs;
    if (!same) {
      this.#diagnose(
        'hardlink-metadata-differs',
        record.path,
        "the link's owner, mode or time replaces its target's",
      );
    }
    Object.assign(inode, merged);
  }

  /** Links whose targets came later in the archive; they may also wait for each other. */
  #linkLate(waiting: readonly WaitingLink[], journal: Journal): void {
    const last = lastEntries(journal, waiting);
    let open = waiting.filter(({ record, index }) => last.get(record.path) === index);
    for (let pass = 0; pass < MAX_LINK_PASSES && open.length > 0; pass++) {
      const still = open.filter(({ record }) => !this.#link(record, undefined));
      if (still.length === open.length) break;
      open = still;
    }
    for (const { record } of open) {
      if (!this.#options.policy.lenient) throw this.#invalidLink(record, 'does not exist');
      this.#diagnose(
        'hardlink-dropped',
        record.path,
        `a hard link to "${displayPath(record.linkTarget)}", which does not exist, was dropped`,
      );
    }
  }

  #parent(record: JournalRecord): DirectoryNode {
    const path = parentPath(record.path);
    if (this.#lastParent?.path === path) return this.#lastParent.directory;
    return this.#ensureDirectory(path, record.path);
  }

  /** Resolves a parent directory; makes what is missing. */
  #ensureDirectory(path: ByteString, entry: ByteString): DirectoryNode {
    const { parentSymlinks } = this.#options.policy;
    for (;;) {
      const { directory, depth, rest, obstacle, followed } = resolveDirectory(
        this.root,
        path,
        () => parentSymlinks === 'follow',
      );
      if (obstacle !== undefined) {
        this.#clear(directory, obstacle, entry);
        continue;
      }
      this.#checkDepth(depth + rest.length + 1, entry);
      this.#countImplied(rest.length, entry);
      let at = directory;
      for (const name of rest) {
        const made = new DirectoryNode(this.#implied(), this.#layer);
        at.children.set(name, made);
        at = made;
      }
      if (followed === 0) this.#lastParent = { path, directory: at };
      else this.#diagnose('symlinked-parent', entry, 'its parent is a symbolic link, which was followed');
      return at;
    }
  }

  /** Links nest trees deeper than any spelled path; whoever writes them pays for each level. */
  #checkDepth(depth: number, entry: ByteString): void {
    const maximum = this.#options.pathDepth ?? DEFAULT_LIMITS.pathDepth;
    if (depth <= maximum) return;
    const shown = displayPath(entry.slice(0, 80));
    throw new LimitError('pathDepth', maximum, `layer ${this.#digest}: "${shown}…" leads too deep`);
  }

  #countImplied(directories: number, entry: ByteString): void {
    const maximum = this.#options.entries ?? DEFAULT_LIMITS.entries;
    this.#entries += directories;
    if (this.#entries <= maximum) return;
    const shown = displayPath(entry.slice(0, 80));
    throw new LimitError(
      'entries',
      maximum,
      `layer ${this.#digest}: "${shown}": the image has too many entries, with the parents that no entry describes`,
    );
  }

  /** Removes what is in the way of a parent directory, if the policy allows. */
  #clear(
    directory: DirectoryNode,
    { name, node }: NonNullable<Resolution['obstacle']>,
    entry: ByteString,
  ): void {
    const { lenient, parentSymlinks } = this.#options.policy;
    const shown = displayPath(name);
    if (node.type === 'symlink') {
      if (parentSymlinks === 'error') {
        throw this.#conflict(
          entry,
          `its parent "${shown}" is a symbolic link`,
          'Choose --parent-symlinks=follow or replace.',
        );
      }
      this.#diagnose(
        'symlinked-parent',
        entry,
        `a directory takes the place of its parent, the symbolic link "${shown}"`,
      );
    } else {
      if (node.layer === this.#layer && !lenient) {
        throw this.#conflict(
          entry,
          `its parent "${shown}" is a ${node.type} of the same layer`,
          'With --lenient the last entry wins.',
        );
      }
      this.#diagnose(
        'entry-below-file',
        entry,
        `a directory takes the place of its parent "${shown}", which was none`,
      );
    }
    directory.children.delete(name);
    this.#lastParent = undefined;
  }

  #implied(): Metadata {
    return {
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: this.#options.sourceDateEpoch,
      mtimeNs: 0,
      xattrs: NO_XATTRS,
    };
  }

  #invalidLink(record: JournalRecord, why: string): OcirenderError {
    return new OcirenderError(
      'ERR_OCIRENDER_INVALID_HARDLINK',
      `layer ${this.#digest}: hard link "${displayPath(record.path)}": its target "${displayPath(record.linkTarget)}" ${why}`,
      why === 'does not exist' ? { hint: 'With --lenient such links are dropped.' } : {},
    );
  }

  #conflict(path: ByteString, why: string, hint?: string): OcirenderError {
    return new OcirenderError(
      'ERR_OCIRENDER_CONFLICT',
      `layer ${this.#digest}: "${displayPath(path)}": ${why}`,
      hint === undefined ? {} : { hint },
    );
  }

  #diagnose(code: Diagnostic['code'], path: ByteString, message: string): void {
    this.#options.diagnose({
      code,
      path,
      layer: this.#digest,
      message: `"${displayPath(path)}": ${message}`,
    });
  }
}

function isEntry(kind: RecordKind): boolean {
  return kind !== 'whiteout' && kind !== 'opaque' && kind !== 'ignored';
}

/** Whether a path is one of the given directories or lies below one. */
function below(path: ByteString, directories: ReadonlySet<ByteString>): boolean {
  if (directories.size === 0) return false;
  for (let at = path; at !== ''; at = parentPath(at)) if (directories.has(at)) return true;
  return false;
}

/** The last entry in the archive of each path that a waiting link has: that one counts. */
function lastEntries(journal: Journal, waiting: readonly WaitingLink[]): Map<ByteString, number> {
  const last = new Map(waiting.map(({ record, index }) => [record.path, index]));
  for (let index = waiting[0]!.index; index < journal.length; index++) {
    if (!isEntry(journal.kind(index))) continue;
    const path = journal.path(index);
    if (last.has(path)) last.set(path, index);
  }
  return last;
}
