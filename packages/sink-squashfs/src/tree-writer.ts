import {
  type ByteString,
  type ContentRef,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type Inode,
  OcirenderError,
  sortedChildren,
  type Tree,
} from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import type { BlockCodec } from './codec.ts';
import type { ContentTable, StoredContent } from './content-table.ts';
import { DirectoryTable, type ListedName } from './directory-table.ts';
import {
  INODE_TYPE,
  MAX_DEVICE_MAJOR,
  MAX_DEVICE_MINOR,
  MAX_NAME_LENGTH,
  MAX_SYMLINK_TARGET,
  MAX_TIME,
} from './format.ts';
import { findHardLinks, type HardLink } from './hard-links.ts';
import type { IdTable } from './id-table.ts';
import {
  deviceInode,
  directoryInode,
  fileInode,
  type InodeHead,
  type Listing,
  specialInode,
  symlinkInode,
} from './inode.ts';
import { type MetadataRef, MetadataWriter } from './metadata-writer.ts';
import { type Frame, pathOf } from './tree-frame.ts';
import { badDevice, nameTooLong, targetTooLong } from './unrepresentable.ts';
import type { XattrTable } from './xattr-table.ts';

/** What a tree writer works with. */
export interface TreeWriterSetup {
  readonly codec: BlockCodec;
  readonly contents: ContentTable;
  readonly ids: IdTable;
  readonly xattrs: XattrTable;
  readonly diagnose: DiagnosticHandler;
  /** Called now and then; throws to stop. */
  readonly check: () => void;
}

/** What was written of a tree. */
export interface WrittenTree {
  readonly inodes: MetadataWriter;
  readonly directories: MetadataWriter;
  readonly root: MetadataRef;
  /** Where each inode is, by number - 1. */
  readonly refs: Float64Array;
  /** Inodes whose time had a fraction of a second. */
  readonly timesTruncated: number;
}

/**
 * Writes inodes and listings. A listing needs its children's inodes, an inode its listing: so a directory's
 * turn comes when all its subdirectories have their listings; then the inodes of all its children are written
 * side by side, and its own listing. The walk keeps its own stack; depth is bounded by memory alone.
 */
export class TreeWriter {
  readonly #setup: TreeWriterSetup;
  readonly #inodes: MetadataWriter;
  readonly #directories: DirectoryTable;
  readonly #out = new ByteWriter();
  #links: ReadonlyMap<Inode, HardLink> = new Map();
  #refs = new Float64Array(0);
  #lastNumber = 0;
  #timesTruncated = 0;

  constructor(setup: TreeWriterSetup) {
    this.#setup = setup;
    this.#inodes = new MetadataWriter(setup.codec);
    this.#directories = new DirectoryTable(setup.codec);
  }

  /**
   * Writes a tree.
   *
   * @param tree - the tree
   * @throws {OcirenderError} for what squashfs cannot hold: `ERR_OCIRENDER_SINK_SQUASHFS_*`
   */
  async write(tree: Tree): Promise<WrittenTree> {
    const { links, inodeCount } = findHardLinks(tree);
    this.#links = links;
    this.#refs = new Float64Array(inodeCount);
    const root = await this.#writeDirectories(tree.root);
    return {
      inodes: this.#inodes,
      directories: this.#directories.metadata,
      root,
      refs: this.#refs,
      timesTruncated: this.#timesTruncated,
    };
  }

  async #writeDirectories(root: DirectoryInode): Promise<MetadataRef> {
    let frame = this.#enter(root, '', ++this.#lastNumber, undefined);
    for (;;) {
      const child = frame.children[frame.next++];
      if (child !== undefined) {
        const [name, inode] = child;
        if (inode.type !== 'directory') continue;
        frame = this.#enter(inode, name, frame.numbers[frame.next - 1] as number, frame);
        continue;
      }
      this.#setup.check();
      const listing = await this.#writeChildren(frame);
      const above = frame.above;
      if (above === undefined) return this.#writeInode(frame, '', root, frame.number, listing, 0);
      above.listings.set(above.next - 1, listing);
      frame = above;
    }
  }

  #enter(directory: DirectoryInode, name: ByteString, number: number, above: Frame | undefined): Frame {
    const children = sortedChildren(directory);
    const numbers = new Uint32Array(children.length);
    children.forEach(([, inode], i) => {
      const link = this.#links.get(inode);
      if (link === undefined) numbers[i] = ++this.#lastNumber;
      else numbers[i] = link.number ||= ++this.#lastNumber;
    });
    return { directory, name, above, number, children, numbers, listings: new Map(), next: 0 };
  }

  async #writeChildren(frame: Frame): Promise<Listing> {
    const names: ListedName[] = [];
    for (let i = 0; i < frame.children.length; i++) {
      const [name, inode] = frame.children[i] as [ByteString, Inode];
      const number = frame.numbers[i] as number;
      if (name.length > MAX_NAME_LENGTH || name.length === 0)
        throw nameTooLong(pathOf(frame, name), name.length);
      const link = this.#links.get(inode);
      let ref = link?.ref;
      if (ref === undefined) {
        const written = this.#writeInode(frame, name, inode, number, frame.listings.get(i), frame.number);
        ref = typeof written === 'number' ? written : await written;
        if (link !== undefined) link.ref = ref;
      }
      names.push({ name, ref, number, type: INODE_TYPE[inode.type] });
    }
    return this.#directories.write(names, () => pathOf(frame.above, frame.name));
  }

  /** Writes one inode; a promise only when the compressor is asynchronous. */
  #writeInode(
    frame: Frame,
    name: ByteString,
    inode: Inode,
    number: number,
    listing: Listing | undefined,
    parent: number,
  ): MetadataRef | Promise<MetadataRef> {
    const path = (): ByteString => pathOf(frame, name);
    const head = this.#head(inode, number, path);
    const ref = this.#inodes.ref;
    let words: ContentRef | undefined;
    switch (inode.type) {
      case 'directory':
        directoryInode(this.#out, head, listing as Listing, parent);
        break;
      case 'file': {
        const content = this.#contentOf(inode.content, inode.size, path);
        fileInode(this.#out, head, content);
        if (content !== undefined && content.words > 0) words = inode.content;
        break;
      }
      case 'symlink':
        if (inode.target.length > MAX_SYMLINK_TARGET) throw targetTooLong(path(), inode.target.length);
        symlinkInode(this.#out, head, inode.target);
        break;
      case 'fifo':
      case 'socket':
        specialInode(this.#out, head, inode.type);
        break;
      default:
        if (inode.devMajor > MAX_DEVICE_MAJOR || inode.devMinor > MAX_DEVICE_MINOR) {
          throw badDevice(path(), inode.devMajor, inode.devMinor);
        }
        deviceInode(this.#out, head, inode.type, inode.devMajor, inode.devMinor);
    }
    this.#refs[number - 1] = ref;
    const wait = this.#inodes.append(this.#out.view());
    if (words === undefined) return wait === undefined ? ref : wait.then(() => ref);
    return this.#appendWords(words, ref, wait);
  }

  #appendWords(
    content: ContentRef,
    ref: MetadataRef,
    before: undefined | Promise<void>,
  ): MetadataRef | Promise<MetadataRef> {
    const { contents } = this.#setup;
    // Holes make long lists of few entries: those are written piece by piece.
    const pieces = contents.words(content);
    const rest = async (): Promise<MetadataRef> => {
      for (let piece = pieces.next(); piece.done !== true; piece = pieces.next())
        await this.#inodes.append(piece.value);
      return ref;
    };
    if (before !== undefined) return before.then(rest);
    for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
      const wait = this.#inodes.append(piece.value);
      if (wait !== undefined) return wait.then(rest);
    }
    return ref;
  }

  #contentOf(ref: ContentRef | undefined, size: number, path: () => ByteString): StoredContent | undefined {
    if (size === 0) return undefined;
    const content = ref === undefined ? undefined : this.#setup.contents.get(ref);
    if (content?.size === size) return content;
    const found = content === undefined ? 'no stored content' : `a stored content of ${content.size} bytes`;
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${displayPath(path())}: a file of ${size} bytes has ${found}`,
    );
  }

  #head(inode: Inode, number: number, path: () => ByteString): InodeHead {
    const { ids, xattrs, diagnose } = this.#setup;
    const links =
      inode.type === 'directory' ? 2 + subdirectories(inode) : (this.#links.get(inode)?.count ?? 1);
    const xattr = xattrs.indexOf(inode.xattrs, (name) => {
      const message = `${displayPath(path())}: squashfs cannot hold the attribute ${displayPath(name)}`;
      diagnose({ code: 'xattr-dropped', message, path: path() });
    });
    if (inode.mtimeNs !== 0) this.#timesTruncated++;
    const mtime = Math.min(Math.max(inode.mtime, 0), MAX_TIME);
    if (mtime !== inode.mtime) {
      const message = `${displayPath(path())}: mtime ${inode.mtime} is outside of what squashfs holds, stored as ${mtime}`;
      diagnose({ code: 'time-clamped', message, path: path() });
    }
    const [uid, gid] = [ids.indexOf(inode.uid), ids.indexOf(inode.gid)];
    return { mode: inode.mode & 0o7777, uid, gid, mtime, number, links, xattr };
  }
}

function subdirectories(directory: DirectoryInode): number {
  let count = 0;
  for (const child of directory.children.values()) if (child.type === 'directory') count++;
  return count;
}
