import { constants } from 'node:os';
import {
  type ByteString,
  type ContentRef,
  type DeviceInode,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type Inode,
  OcirenderError,
  type SpecialInode,
  type SymlinkInode,
  sortedChildren,
  type Tree,
} from '@ocirender/interface';
import { existsError } from './collisions.ts';
import { DirectoryStack } from './directory-stack.ts';
import { CREATE_FILE, FILE_TYPES } from './format.ts';
import { countNames, type InodeNames } from './inode-names.ts';
import type { Libc } from './libc.ts';
import type { MetadataWriter } from './metadata.ts';
import type { Shortfall } from './shortfall.ts';
import type { Staging } from './staging.ts';
import { check, ioError, isRefusal, systemError } from './system-error.ts';

/** Names made between two looks at the event loop: signals and progress must not wait for the whole tree. */
const NAMES_PER_TURN = 500;

/** A directory can be emptied by its owner only with these. */
const OWNER_ALL = 0o700;

/** A directory that a fresh filesystem may have. */
const LOST_AND_FOUND = 'lost+found';

/** What a tree is written with. */
export interface WriterParts {
  readonly libc: Libc;
  readonly metadata: MetadataWriter;
  readonly shortfall: Shortfall;
  readonly staging: Staging;
  /** Descriptor of the output directory. */
  readonly root: number;
  /** Whether the output directory was there, perhaps with `lost+found` in it. */
  readonly fills: boolean;
  /** Whether a file with more names than the file system allows becomes several. */
  readonly lenient: boolean;
  readonly diagnose: DiagnosticHandler;
  /** Called now and then; throws when the session is over. */
  readonly checkAborted: () => void;
}

interface Frame {
  readonly inode: DirectoryInode;
  readonly path: ByteString;
  readonly names: [ByteString, Inode][];
  next: number;
}

/** Gives the contents their names, and makes everything that has none. */
export class TreeWriter {
  readonly #parts: WriterParts;
  readonly #stack: DirectoryStack;
  readonly #tree: DirectoryInode;
  readonly #names: InodeNames;
  /** Inodes with several names: the number under which they wait for the last one; undefined for what cannot be made. */
  readonly #shared = new Map<Inode, ContentRef | undefined>();
  #locked = false;
  #entries = 1;

  constructor(parts: WriterParts, tree: Tree) {
    this.#parts = parts;
    this.#stack = new DirectoryStack(parts.libc, parts.root);
    this.#tree = tree.root;
    this.#names = countNames(tree);
  }

  /** Names made, the root included. */
  get entries(): number {
    return this.#entries;
  }

  /** Closes all descriptors. */
  close(): void {
    this.#stack.close();
  }

  /** Makes every name; all metadata but the root's and modes that would keep their owner from deleting. */
  async writeNames(): Promise<void> {
    const { staging, metadata } = this.#parts;
    staging.avoid(this.#tree.children);
    await this.#walk(
      (frame, name, inode) => {
        this.#entries++;
        const path = join(frame.path, name);
        checkName(name, path);
        if (inode.type !== 'directory') this.#place(name, inode, path);
        else this.#makeDirectory(name, path);
      },
      ({ inode, path }) => {
        if (path === '') return;
        const openMode = inode.mode | OWNER_ALL;
        if (openMode !== inode.mode) this.#locked = true;
        metadata.applyToFd(this.#stack.fd, inode, path, 'directory', openMode);
      },
    );
  }

  /** Sets the modes that {@link writeNames} left open, and the root's metadata: nothing is written after that. */
  async finishDirectories(): Promise<void> {
    const { metadata, root } = this.#parts;
    if (this.#locked) {
      await this.#walk(
        () => {},
        ({ inode, path }) => {
          if (path !== '' && (inode.mode & OWNER_ALL) !== OWNER_ALL) {
            metadata.chmod(this.#stack.fd, inode.mode, path);
          }
        },
      );
    }
    metadata.applyToFd(root, this.#tree, '', 'directory');
  }

  /** Visits names in bytewise order, and each directory once more when it is complete. */
  async #walk(
    visit: (frame: Frame, name: ByteString, inode: Inode) => void,
    complete: (frame: Frame) => void,
  ): Promise<void> {
    const frames: Frame[] = [{ inode: this.#tree, path: '', names: sortedChildren(this.#tree), next: 0 }];
    let turn = 0;
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      if (++turn % NAMES_PER_TURN === 0) {
        await new Promise(setImmediate);
        this.#parts.checkAborted();
      }
      const entry = frame.names[frame.next++];
      if (entry === undefined) {
        complete(frame);
        frames.pop();
        if (frames.length > 0) this.#stack.leave();
        continue;
      }
      const [name, inode] = entry;
      visit(frame, name, inode);
      if (inode.type !== 'directory') continue;
      const path = join(frame.path, name);
      this.#stack.enter(name, path);
      frames.push({ inode, path, names: sortedChildren(inode), next: 0 });
    }
  }

  #makeDirectory(name: ByteString, path: ByteString): void {
    const result = this.#parts.libc.mkdirat(this.#stack.fd, name, OWNER_ALL);
    const isThere = this.#parts.fills && path === LOST_AND_FOUND && result === -constants.errno.EEXIST;
    if (!isThere) this.#made(result, 'mkdirat', path);
  }

  #place(name: ByteString, inode: Exclude<Inode, DirectoryInode>, path: ByteString): void {
    if (!this.#names.counts.has(inode)) {
      if (inode.type === 'file' && inode.content !== undefined)
        this.#move(this.#stage(inode, path)!, name, path);
      else this.#make(this.#stack.fd, name, inode, path);
      return;
    }
    if (!this.#shared.has(inode)) this.#shared.set(inode, this.#stage(inode, path));
    const ref = this.#shared.get(inode);
    const left = this.#names.counts.get(inode)! - 1;
    this.#names.counts.set(inode, left);
    if (ref === undefined) {
      // It could not be made: each of its names is missing.
      if (left > 0) this.#parts.shortfall.add(shortfallKind(inode), path);
    } else if (left === 0) this.#move(ref, name, path);
    else {
      const { libc, staging, lenient } = this.#parts;
      const link = (from: ContentRef): number => libc.linkat(staging.fd, String(from), this.#stack.fd, name);
      const result = link(ref);
      const isFull = result === -constants.errno.EMLINK && lenient;
      this.#made(isFull ? link(this.#beginAnother(inode, ref, path)) : result, 'linkat', path);
    }
  }

  /** Makes a copy of what can have no more names, for those that are left. */
  #beginAnother(inode: Exclude<Inode, DirectoryInode>, full: ContentRef, path: ByteString): ContentRef {
    const { staging, diagnose } = this.#parts;
    let another: ContentRef;
    if (inode.type === 'file' && inode.content !== undefined) {
      another = staging.copy(full, inode, path);
      staging.applyMetadata(another, inode, path);
    } else {
      another = staging.reserve();
      this.#make(staging.fd, String(another), inode, path);
    }
    staging.discard(full);
    this.#shared.set(inode, another);
    diagnose({
      code: 'hardlinks-split',
      message: `"${displayPath(path)}": a copy begins: the target file system allows no more names of one file`,
      path,
    });
    return another;
  }

  /** Gets an inode ready in the staging directory. */
  #stage(inode: Exclude<Inode, DirectoryInode>, path: ByteString): ContentRef | undefined {
    const { staging } = this.#parts;
    if (inode.type !== 'file' || inode.content === undefined) {
      const ref = staging.reserve();
      if (this.#make(staging.fd, String(ref), inode, path)) return ref;
      staging.release(ref);
      return undefined;
    }
    const isOwner = this.#names.owners[inode.content] === inode;
    const ref = isOwner ? inode.content : staging.copy(inode.content, inode, path);
    staging.applyMetadata(ref, inode, path);
    return ref;
  }

  #move(ref: ContentRef, name: ByteString, path: ByteString): void {
    const { libc, staging } = this.#parts;
    this.#made(libc.rename(staging.fd, String(ref), this.#stack.fd, name), 'renameat2', path);
    staging.placed(ref);
  }

  /** Makes something without content; false when that is refused. */
  #make(
    directory: number,
    name: ByteString,
    inode: Exclude<Inode, DirectoryInode>,
    path: ByteString,
  ): boolean {
    const { libc, metadata } = this.#parts;
    switch (inode.type) {
      case 'file': {
        const fd = this.#made(libc.openat(directory, name, CREATE_FILE, 0o600), 'openat', path);
        try {
          metadata.applyToFd(fd, inode, path, 'file');
        } finally {
          libc.close(fd);
        }
        return true;
      }
      case 'symlink':
        if (!this.#allowed(libc.symlinkat(inode.target, directory, name), 'symlinkat', inode, path))
          return false;
        metadata.applyToSymlink(directory, name, inode, path);
        return true;
      default: {
        const [major, minor] = 'devMajor' in inode ? [inode.devMajor, inode.devMinor] : [0, 0];
        const result = libc.mknodat(directory, name, FILE_TYPES[inode.type] | 0o600, major, minor);
        if (!this.#allowed(result, 'mknodat', inode, path)) return false;
        metadata.applyToNode(directory, name, inode, path);
        return true;
      }
    }
  }

  #allowed(
    result: number,
    call: string,
    inode: SymlinkInode | DeviceInode | SpecialInode,
    path: ByteString,
  ): boolean {
    if (result < 0 && isRefusal(result)) {
      this.#parts.shortfall.add(shortfallKind(inode), path);
      return false;
    }
    this.#made(result, call, path);
    return true;
  }

  #made(result: number, call: string, path: ByteString): number {
    if (result === -constants.errno.EEXIST) throw existsError(this.#tree, path, call);
    if (result < 0) throw ioError(systemError(result, call), path);
    return check(result, call, path);
  }
}

/** Joined strings share their parts: of a deep tree no path is ever copied whole unless an error shows it. */
function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '' ? name : `${directory}/${name}`;
}

function shortfallKind({ type }: Inode): 'device' | 'special' {
  return type === 'character-device' || type === 'block-device' ? 'device' : 'special';
}

/** The engine makes no such names; a tree from elsewhere might. */
function checkName(name: ByteString, path: ByteString): void {
  if (name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')) return;
  throw new OcirenderError('ERR_OCIRENDER_PATH_ESCAPE', `"${displayPath(path)}" ends in an impossible name`);
}
