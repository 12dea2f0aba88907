import {
  type ByteString,
  type Content,
  type ContentChunk,
  type ContentInfo,
  type ContentRef,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type Extent,
  type FileInode,
  type Inode,
  isHole,
  type SymlinkInode,
  type Tree,
  TreeWalk,
} from '@ocirender/interface';
import { alignExtents } from './align-extents.ts';
import { BatchWriter } from './batch-writer.ts';
import { END_OF_ARCHIVE, encodeHeader } from './encode.ts';
import { BLOCK_SIZE } from './format.ts';
import { LinkNames } from './link-names.ts';
import { tarPadding } from './padding.ts';
import { PlacedContents } from './placed-contents.ts';
import { entryOf, treeEntry } from './tree-entry.ts';

/** What a {@link TarTreeWriter} wrote. */
export interface TarTreeReport {
  /** Size of the tar. */
  readonly bytes: number;
  /** Members of the tar, PAX headers not counted. */
  readonly entries: number;
}

/** Targets of links that GNU tar, without `-P`, makes at the very end: absolute ones, and those with `..`. */
const LEADS_AWAY = /^\/|(?:^|\/)\.\.(?:\/|$)/;

/**
 * Writes a merged image as one tar: contents as they come, under the paths that they will have, then all that
 * has no content. Every path occurs once. The same calls give the same bytes.
 *
 * For sinks with `placement: 'inline'`; not to be used again after a call has failed.
 */
export class TarTreeWriter {
  readonly #out: BatchWriter;
  readonly #diagnose: DiagnosticHandler | undefined;
  readonly #placed: PlacedContents = new PlacedContents();
  readonly #block: Buffer = Buffer.alloc(BLOCK_SIZE);
  #entries = 0;

  /**
   * @param write - takes the tar piece by piece, one call at a time; the bytes are reused once it has settled
   * @param diagnose - told what a tar cannot hold (sockets)
   */
  constructor(write: (bytes: Uint8Array) => Promise<void>, diagnose?: DiagnosticHandler) {
    this.#out = new BatchWriter(write);
    this.#diagnose = diagnose;
  }

  /**
   * Writes one file: header, bytes, padding. Small files take no promise.
   *
   * @param content - its bytes; may be reused when the result is there
   * @param info - its size and final place
   * @returns the name for it in the tree
   */
  writeContent(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const { size, placement } = info;
    const extents = info.extents && alignExtents(info.extents, size);
    const { path, metadata } = placement;
    const ref = this.#placed.add(path, metadata, size);
    const header = encodeHeader(
      entryOf('file', path, metadata, placement.extraPax, { size, extents }),
      this.#block,
    );
    this.#entries++;
    if (content instanceof Uint8Array && extents === undefined) {
      checkSize(path, size, content.length);
      // All or nothing, so that what follows need not know how far this came.
      const whole = header.length + size + tarPadding(size);
      if (this.#out.hasRoom(whole)) {
        this.#out.tryAppend(header);
        this.#out.tryAppend(content);
        this.#out.tryAppendZeros(tarPadding(size));
        return ref;
      }
    }
    return this.#writeSlowly(ref, header, content, path, size, extents ?? [{ offset: 0, length: size }]);
  }

  /**
   * Writes everything else and the end of the archive: empty files, symlinks, devices, FIFOs and hard links in
   * the order of {@link walkTree}, then the directories, each after all that it holds, the root (`./`) last.
   * Extractors that set a directory's time at once (bsdtar, when the directory exists) are right all the same.
   *
   * Only symbolic links that lead up or to the root come behind their directory: GNU tar makes them when all else
   * is done, and then restores the times of those directories that it had met before such a link. (bsdtar gives
   * these directories the time of extraction. There is no order that suits both once a content has implied
   * the directory.)
   *
   * @param tree - the final tree, in which every content is used under its placement
   * @returns how much was written
   * @throws {Error} when the tree contradicts what was written: a bug of the caller
   */
  async finish(tree: Tree): Promise<TarTreeReport> {
    /** Names under which inodes without content are in the tar so far. */
    const names = new LinkNames(tree);
    const directories: { path: ByteString; inode: DirectoryInode; away: [ByteString, SymlinkInode][] }[] = [];
    const awayOf = new Map<DirectoryInode, [ByteString, SymlinkInode][]>();
    let used = 0;
    const walk = new TreeWalk(tree);
    while (walk.next()) {
      const { path, inode, parent } = walk;
      if (inode.type === 'directory') {
        const away: [ByteString, SymlinkInode][] = [];
        awayOf.set(inode, away);
        directories.push({ path, inode, away });
        continue;
      }
      if (inode.type === 'symlink' && LEADS_AWAY.test(inode.target)) {
        awayOf.get(parent)!.push([path, inode]);
        continue;
      }
      if (inode.type === 'socket') {
        this.#diagnose?.({
          code: 'not-representable',
          message: 'a tar cannot hold a socket: it was left out',
          path,
        });
        continue;
      }
      const placed = inode.type === 'file' ? this.#placedFor(inode, path) : undefined;
      if (placed === path) {
        used++;
        continue;
      }
      const header = this.#headerOf(path, inode, placed, names);
      if (!this.#add(header)) await this.#out.append(header);
    }
    if (used !== this.#placed.length) {
      throw new Error(
        `tar: ${this.#placed.length - used} contents were written that the tree does not place`,
      );
    }
    for (const { path, inode, away } of directories.reverse()) {
      const header = encodeHeader(treeEntry(path, inode, undefined), this.#block);
      if (!this.#add(header)) await this.#out.append(header);
      for (const [linkPath, link] of away) {
        const linkHeader = this.#headerOf(linkPath, link, undefined, names);
        if (!this.#add(linkHeader)) await this.#out.append(linkHeader);
      }
    }
    await this.#out.append(END_OF_ARCHIVE);
    await this.#out.finish();
    return { bytes: this.#out.bytes, entries: this.#entries };
  }

  /** The header of a name without content of its own: the inode's, or a hard link to a name that it has already. */
  #headerOf(path: ByteString, inode: Inode, placed: ByteString | undefined, names: LinkNames): Uint8Array {
    const target = placed ?? names.get(inode);
    if (target === undefined) names.add(inode, path);
    return encodeHeader(treeEntry(path, inode, target), this.#block);
  }

  /** Counts an entry and writes its header if that takes no wait. */
  #add(header: Uint8Array): boolean {
    this.#entries++;
    return this.#out.tryAppend(header);
  }

  async #writeSlowly(
    ref: ContentRef,
    header: Uint8Array,
    content: Content,
    path: ByteString,
    size: number,
    extents: readonly Extent[],
  ): Promise<ContentRef> {
    await this.#out.append(header);
    const position: Position = { offset: 0, extent: 0 };
    if (content instanceof Uint8Array) await this.#writeChunk(content, extents, position);
    else for await (const chunk of content) await this.#writeChunk(chunk, extents, position);
    checkSize(path, size, position.offset);
    await this.#out.appendZeros(tarPadding(extents.reduce((sum, { length }) => sum + length, 0)));
    return ref;
  }

  /** Writes the parts of a chunk that lie within the file's data extents. */
  async #writeChunk(chunk: ContentChunk, extents: readonly Extent[], position: Position): Promise<void> {
    const start = position.offset;
    const end = start + (isHole(chunk) ? chunk.hole : chunk.length);
    position.offset = end;
    for (let extent = extents[position.extent]; extent !== undefined; extent = extents[++position.extent]) {
      const extentEnd = extent.offset + extent.length;
      const from = Math.max(start, extent.offset);
      const to = Math.min(end, extentEnd);
      if (from < to) {
        if (isHole(chunk)) await this.#out.appendZeros(to - from);
        else await this.#out.append(chunk.subarray(from - start, to - start));
      }
      if (extentEnd > end) return;
    }
  }

  /** The path under which a file's content is in the tar. */
  #placedFor(inode: FileInode, path: ByteString): ByteString | undefined {
    if (inode.content === undefined) return undefined;
    const placed = this.#placed.path(inode.content);
    if (placed === undefined || !this.#placed.agrees(inode.content, inode)) {
      throw new Error(`tar: "${displayPath(path)}" is not what was written for its content`);
    }
    return placed;
  }
}

interface Position {
  /** Bytes of the file so far, holes included. */
  offset: number;
  /** The extent at hand. */
  extent: number;
}

function checkSize(path: ByteString, expected: number, actual: number): void {
  if (actual !== expected) {
    throw new Error(`tar: "${displayPath(path)}" came as ${actual} bytes instead of ${expected}`);
  }
}
