import {
  type ByteString,
  type ContentChunk,
  displayPath,
  FormatError,
  isHole,
  LimitError,
} from '@ocirender/interface';
import { ROOT_INODE } from '../format.ts';
import { type NamedInode, readEntries } from './read-directory.ts';
import { hasFlag, type RawInode } from './read-inode.ts';

/** Largest directory in bytes: some ten million names. */
const MAX_DIRECTORY = 1024 * 1024 * 1024;

/** Directories whose names are kept, if there are not too many. */
const KEPT_DIRECTORIES = 16;
const KEPT_NAMES = 100_000;

/** The names of a directory and the numbers of their inodes. */
export type Names = ReadonlyMap<ByteString, number>;

/** Reads directories, hash trees as lists too, and sees to it that they form a tree. */
export class DirectoryReader {
  readonly #blockSize: number;
  readonly #contentOf: (inode: RawInode) => AsyncIterable<ContentChunk>;
  readonly #kept = new Map<number, Names>();
  /** The one name of each directory that was met. */
  readonly #places = new Map<number, { readonly parent: number; readonly name: ByteString }>();

  /**
   * @param blockSize - bytes
   * @param contentOf - reads an inode's bytes, in whole blocks
   */
  constructor(blockSize: number, contentOf: (inode: RawInode) => AsyncIterable<ContentChunk>) {
    this.#blockSize = blockSize;
    this.#contentOf = contentOf;
  }

  /**
   * Reads a directory.
   *
   * @param directory - its inode
   * @throws {FormatError} for damaged entries, or a name that is there twice
   */
  async names(directory: RawInode): Promise<Names> {
    const kept = this.#kept.get(directory.number);
    if (kept !== undefined) return kept;
    if (directory.size > MAX_DIRECTORY) {
      const what = `inode ${directory.number}: a directory of ${directory.size} bytes`;
      throw new LimitError('directoryBytes', MAX_DIRECTORY, what, {
        hint: 'The reader holds a directory in memory and reads no larger ones.',
      });
    }
    const names = new Map<ByteString, number>();
    for (const { name, inode } of await this.#entries(directory)) {
      if (names.has(name)) {
        const what = `inode ${directory.number}: the name "${displayPath(name)}" is there twice`;
        throw new FormatError(what, directory.position);
      }
      names.set(name, inode);
    }
    if (names.size <= KEPT_NAMES) {
      if (this.#kept.size >= KEPT_DIRECTORIES) this.#kept.delete(this.#kept.keys().next().value as number);
      this.#kept.set(directory.number, names);
    }
    return names;
  }

  /** As {@link names}, in bytewise order. */
  async sorted(directory: RawInode): Promise<[ByteString, number][]> {
    return [...(await this.names(directory))].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /**
   * Notes where a directory is. One with two places would make the tree a graph, perhaps one without an end.
   *
   * @throws {FormatError} when it has another place already
   */
  adopt(parent: RawInode, name: ByteString, directory: RawInode): void {
    const place = this.#places.get(directory.number);
    if (
      directory.number === ROOT_INODE ||
      (place !== undefined && (place.parent !== parent.number || place.name !== name))
    ) {
      const what = `inode ${directory.number}: a directory with two names, the second "${displayPath(name)}"`;
      throw new FormatError(what, parent.position);
    }
    if (place === undefined) this.#places.set(directory.number, { parent: parent.number, name });
  }

  async #entries(directory: RawInode): Promise<NamedInode[]> {
    const { size, number, position } = directory;
    const entries: NamedInode[] = [];
    const isInline = hasFlag(directory, 'inlineData');
    if (!isInline && size % this.#blockSize !== 0)
      throw new FormatError(`inode ${number}: a directory of ${size} bytes`, position);
    for await (const chunk of this.#contentOf(directory)) {
      // Holes hold no names.
      if (isHole(chunk)) continue;
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      if (isInline) {
        // The parent's number, entries up to the end of the inode's 60 bytes, more entries in the attribute.
        const inInode = Math.min(directory.block.length, bytes.length);
        readEntries(bytes.subarray(4, inInode), position, entries);
        readEntries(bytes.subarray(inInode), position, entries);
        continue;
      }
      for (let at = 0; at < bytes.length; at += this.#blockSize)
        readEntries(bytes.subarray(at, at + this.#blockSize), position, entries);
    }
    return entries;
  }
}
