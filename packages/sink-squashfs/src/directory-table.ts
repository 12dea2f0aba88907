import { type ByteString, displayPath, OcirenderError } from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import type { BlockCodec } from './codec.ts';
import { LISTING_BIAS, MAX_RUN_ENTRIES, METADATA_SIZE } from './format.ts';
import type { DirectoryIndexEntry, Listing } from './inode.ts';
import { type MetadataRef, MetadataWriter } from './metadata-writer.ts';

/** Largest listing in bytes: a 32-bit field, biased. */
const MAX_LISTING = 0xffff_ffff - LISTING_BIAS;

/** Most index entries of one directory: a 16-bit field. Names beyond are found by walking on from the last. */
const MAX_INDEX = 0xffff;

/** One name of a directory, its inode already written. */
export interface ListedName {
  readonly name: ByteString;
  /** Where its inode is. */
  readonly ref: MetadataRef;
  readonly number: number;
  /** Basic inode type. */
  readonly type: number;
}

/** Writes directory listings (format.adoc, "Directory Table"). */
export class DirectoryTable {
  readonly metadata: MetadataWriter;
  readonly #run = new ByteWriter();

  constructor(codec: BlockCodec) {
    this.metadata = new MetadataWriter(codec);
  }

  /**
   * Writes one listing.
   *
   * @param names - in bytewise order
   * @param path - for messages
   * @returns what the directory's inode says about it
   */
  async write(names: readonly ListedName[], path: () => ByteString): Promise<Listing> {
    const { blockPosition, offset } = this.metadata;
    const index: DirectoryIndexEntry[] = [];
    let size = 0;
    let indexed = blockPosition;
    for (let from = 0; from < names.length; ) {
      const first = names[from] as ListedName;
      // Runs end at block boundaries, so that each block begins with a header soon, and the index leads there.
      if (this.metadata.blockPosition !== indexed && index.length < MAX_INDEX) {
        indexed = this.metadata.blockPosition;
        index.push({ offset: size, blockPosition: indexed, name: first.name });
      }
      from = this.#encodeRun(names, from);
      size += this.#run.length;
      if (size > MAX_LISTING) {
        throw new OcirenderError(
          'ERR_OCIRENDER_SINK_SQUASHFS_DIRECTORY_TOO_LARGE',
          `${displayPath(path())}: the directory's listing exceeds 4 GiB, which squashfs cannot hold`,
        );
      }
      const wait = this.metadata.append(this.#run.view());
      if (wait !== undefined) await wait;
    }
    return { blockPosition, offset, size, index };
  }

  /** Encodes a header and as many names as fit below it; gives the number of the next name. */
  #encodeRun(names: readonly ListedName[], from: number): number {
    const first = names[from] as ListedName;
    const inodeBlock = Math.floor(first.ref / 0x1_0000);
    const room = METADATA_SIZE - this.metadata.offset;
    const run = this.#run.reset().u32(0).u32(inodeBlock).u32(first.number);
    let at = from;
    for (; at < names.length && at - from < MAX_RUN_ENTRIES && (at === from || run.length < room); at++) {
      const { name, ref, number, type } = names[at] as ListedName;
      const delta = number - first.number;
      if (Math.floor(ref / 0x1_0000) !== inodeBlock || delta < -0x8000 || delta > 0x7fff) break;
      run
        .u16(ref % 0x1_0000)
        .u16(delta & 0xffff)
        .u16(type)
        .u16(name.length - 1)
        .string(name);
    }
    run.patchU32(0, at - from - 1);
    return at;
  }
}
