import { type ByteString, FormatError, OcirenderError } from '@ocirender/interface';
import {
  DIRECTORY_ENTRY_SIZE,
  DIRECTORY_HEADER_SIZE,
  EXTENDED,
  MAX_NAME_LENGTH,
  MAX_RUN_ENTRIES,
  METADATA_SIZE,
} from '../format.ts';
import { MetadataCursor, type MetadataReader, type Usage } from './metadata-reader.ts';
import type { DirectoryPlace } from './node.ts';

/** Size of an index entry without its name, in bytes. */
const INDEX_ENTRY_SIZE = 12;

/** A name of a listing. */
export interface ListedEntry {
  readonly name: ByteString;
  /** Reference of its inode. */
  readonly ref: number;
  /** Basic inode type. */
  readonly type: number;
}

/** Reads a listing run by run (format.adoc, "Directory Table"), and checks that names are names, and in order. */
export class ListingReader {
  readonly #cursor: MetadataCursor;
  #left: number;
  #last: ByteString = '';

  /**
   * @param table - the directory table
   * @param place - of the listing, or of one of its runs
   * @param usage - told of what is taken from the table
   */
  constructor(
    table: MetadataReader,
    place: Pick<DirectoryPlace, 'position' | 'offset' | 'size'>,
    usage?: Usage,
  ) {
    this.#cursor = new MetadataCursor(table, place.position, place.offset, usage);
    this.#left = place.size;
  }

  /**
   * Reads a run.
   *
   * @returns its names, at least one; undefined at the end
   * @throws {FormatError} when the listing is damaged
   */
  async run(): Promise<ListedEntry[] | undefined> {
    if (this.#left === 0) return undefined;
    const header = await this.#take(DIRECTORY_HEADER_SIZE);
    const count = header.readUInt32LE(0) + 1;
    if (count > MAX_RUN_ENTRIES) throw this.#wrong(`has a run of ${count} names`);
    const block = header.readUInt32LE(4) * 0x1_0000;
    const entries: ListedEntry[] = [];
    for (let i = 0; i < count; i++) {
      const taken = this.#take(DIRECTORY_ENTRY_SIZE);
      const head = taken instanceof Promise ? await taken : taken;
      const length = head.readUInt16LE(6) + 1;
      const type = head.readUInt16LE(4);
      const ref = block + head.readUInt16LE(0);
      if (length > MAX_NAME_LENGTH) throw this.#wrong(`has a name of ${length} bytes`);
      const bytes = this.#take(length);
      const name = (bytes instanceof Promise ? await bytes : bytes).toString('latin1');
      if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
        throw this.#wrong(`has the impossible name ${JSON.stringify(name)}`);
      }
      if (name <= this.#last) throw this.#wrong('is not sorted');
      this.#last = name;
      entries.push({ name, ref, type: type > EXTENDED ? type - EXTENDED : type });
    }
    return entries;
  }

  #take(length: number): Buffer | Promise<Buffer> {
    if (length > this.#left) throw this.#wrong('ends within a name');
    this.#left -= length;
    return this.#cursor.take(length);
  }

  #wrong(what: string): FormatError {
    return new FormatError(`a directory's listing ${what}`, this.#cursor.position);
  }
}

/**
 * Finds the place in a listing from which a name is to be searched: with the index of an extended directory, that is
 * the metadata block that holds it.
 *
 * @param inodes - the inode table, which holds the index
 * @param directories - the directory table
 * @param place - of the directory
 * @param name - to be found
 * @throws {FormatError} when the index leads out of the listing
 */
export async function seekName(
  inodes: MetadataReader,
  directories: MetadataReader,
  place: DirectoryPlace,
  name: ByteString,
): Promise<Pick<DirectoryPlace, 'position' | 'offset' | 'size'>> {
  const cursor = new MetadataCursor(inodes, place.index.position, place.index.offset);
  let found: { index: number; block: number } | undefined;
  for (let i = 0; i < place.index.count; i++) {
    const entry = await cursor.take(INDEX_ENTRY_SIZE);
    const length = entry.readUInt32LE(8) + 1;
    if (length > MAX_NAME_LENGTH) {
      throw new FormatError(`a directory's index has a name of ${length} bytes`, cursor.position);
    }
    const first = (await cursor.take(length)).toString('latin1');
    if (first > name) break;
    found = { index: entry.readUInt32LE(0), block: entry.readUInt32LE(4) };
  }
  if (found === undefined) return place;
  if (found.index >= place.size) {
    throw new FormatError(
      `a directory's index leads to byte ${found.index} of ${place.size}`,
      cursor.position,
    );
  }
  return {
    position: directories.start + found.block,
    offset: (place.offset + found.index) % METADATA_SIZE,
    size: place.size - found.index,
  };
}

/**
 * Checks a name that a caller looks up.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is not one component
 */
export function checkComponent(name: ByteString): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `not a name within a directory: ${JSON.stringify(name)}`);
  }
}
