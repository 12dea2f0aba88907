import type { ByteString } from './byte-string.ts';
import type { ContentChunk } from './content.ts';
import type { Metadata } from './metadata.ts';
import type { Inode } from './tree.ts';

/** Marks a reader of interface version 1; the same symbol in every copy of this package. */
export const READER_BRAND: unique symbol = Symbol.for('@ocirender/reader@1') as never;

/** One inode of an image that is open for reading. */
export interface ImageNode extends Metadata {
  readonly type: Inode['type'];
  /** The same number for all names of one inode, another for every other inode; means nothing outside its image. */
  readonly id: number;
  /** Apparent size in bytes of a regular file, length of a symbolic link's target; 0 for everything else. */
  readonly size: number;
  /** Target of a symbolic link; empty for everything else. */
  readonly target: ByteString;
  /** Major number of a device, else 0. */
  readonly devMajor: number;
  /** Minor number of a device, else 0. */
  readonly devMinor: number;
  /** Link count as the format stores it; undefined in formats that store none. */
  readonly links?: number;
  /** SHA-256 of a regular file's contents in hexadecimal, where opening the image has computed it anyway. */
  readonly sha256?: string;
}

/** The modification times that a form of an image can hold. */
export interface TimeRange {
  /** The smallest step in nanoseconds: 1, or 1,000,000,000 for formats of whole seconds. */
  readonly stepNs: 1 | 1_000_000_000;
  /** First and last second since the epoch that it can hold; absent when nothing that occurs is out of range. */
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A range of a file's bytes. */
export interface ByteRange {
  /** First byte. @defaultValue 0 */
  readonly start?: number;
  /** The byte after the last. @defaultValue the file's size; more is cut to it */
  readonly end?: number;
}

/** How contents are read. */
export interface ReadOptions extends ByteRange {
  readonly signal?: AbortSignal;
}

/** The contents of one file, as {@link ImageSource.contents} passes it. */
export interface NodeContent {
  readonly node: ImageNode;
  /** To be read to its end, or left, before the next file is asked for. Chunks are valid until the next is asked for. */
  readonly content: AsyncIterable<ContentChunk>;
}

/**
 * What the reader of a format gives: inodes, directories and contents. {@link ImageReader} makes path names of it.
 *
 * Everything that comes from the image is checked before it is used: a damaged or hostile image makes each
 * method reject with a {@link FormatError} (or a `LimitError`), in time and memory bounded by what is asked for.
 */
export interface ImageSource {
  /** `squashfs`, `tar`, `dir`, `oci`, … */
  readonly format: string;
  /** Facts of the image as a whole (superblock), for people: names in camelCase. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly times: TimeRange;
  /** Whether `content` costs little more than the bytes that it yields. If not, `contents` reads many files at the cost of one. */
  readonly randomAccess: boolean;
  /** The root directory. */
  readonly root: ImageNode;
  /**
   * Reads a directory.
   *
   * @param directory - a node of type `directory` of this source
   * @returns its names, without `.` and `..`, in bytewise order
   */
  children(directory: ImageNode): Promise<readonly (readonly [name: ByteString, node: ImageNode])[]>;
  /**
   * Looks a name up.
   *
   * @param directory - a node of type `directory` of this source
   * @param name - one component, not `.` or `..`
   * @returns the node, or undefined when there is none of that name
   */
  lookup(directory: ImageNode, name: ByteString): Promise<ImageNode | undefined>;
  /**
   * Reads one file's bytes. Holes may come as holes.
   *
   * @param file - a node of type `file` of this source
   */
  content(file: ImageNode, options?: ReadOptions): AsyncIterable<ContentChunk>;
  /**
   * Reads several files whole, in the order that costs the least.
   *
   * @param files - nodes of type `file` of this source
   */
  contents(
    files: Iterable<ImageNode>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<NodeContent>;
  /** Closes what is open. May be called twice. */
  close(): Promise<void>;
}

/** Bytes that tell a format: `bytes` in hexadecimal stands at `offset` from the start of the file. */
export interface Magic {
  readonly offset: number;
  readonly bytes: string;
}

/** How an image is opened. */
export interface OpenReaderOptions {
  /** Threads that may help, at least 1. @defaultValue 1 */
  readonly threads?: number;
  /**
   * Refuse what the kernel's own driver for the format would not read, where this reader could: to find out whether an
   * image can be mounted. @defaultValue false
   */
  readonly strict?: boolean;
  readonly signal?: AbortSignal;
}

/** The reading side of a format. */
export interface Reader {
  readonly [READER_BRAND]: true;
  /** Word for the prefix that forces it (`squashfs:FILE`), kebab-case; the name of the sink that writes the format. */
  readonly name: string;
  /** One line that says what it reads. */
  readonly summary: string;
  /** Any one of these makes a file one of this format. */
  readonly magic: readonly Magic[];
  /**
   * Opens an image.
   *
   * @param path - a file (or what the format calls one)
   * @throws {FormatError} when it is not of this format or damaged
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
   */
  open(path: string, options?: OpenReaderOptions): Promise<ImageSource>;
}

/**
 * Marks an object as a reader.
 *
 * @param reader - everything but the brand
 * @returns the reader
 */
export function defineReader(reader: Omit<Reader, typeof READER_BRAND>): Reader {
  return { [READER_BRAND]: true, ...reader };
}

/**
 * Tells a reader (of whichever copy of this package) from anything else.
 *
 * @param value - for example a plugin's export
 * @returns true for a reader of this interface version
 */
export function isReader(value: unknown): value is Reader {
  return typeof value === 'object' && value !== null && (value as Partial<Reader>)[READER_BRAND] === true;
}
