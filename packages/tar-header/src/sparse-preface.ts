import { displayPath, FormatError, LimitError } from '@ocirender/interface';
import type { Built } from './build-entry.ts';
import * as format from './format.ts';
import { normalizeSparseMap, readGnuSparseExtents, SparseMapReader } from './sparse-map.ts';

/** Collects the map of a sparse file, wherever its format has it, before its entry is given out. */
export class SparsePreface {
  readonly built: Built;
  readonly #maxExtents: number;
  readonly #pairs: number[];
  readonly #mapReader: SparseMapReader | undefined;
  /** Bytes of the map that count as stored content (format 1.0). */
  #mapBytes = 0;

  /**
   * @param built - a sparse entry; its `extents` are set at the end
   * @param maxExtents - the limit `sparseExtents`
   */
  constructor(built: Built, maxExtents: number) {
    this.built = built;
    this.#maxExtents = maxExtents;
    this.#mapReader = built.sparse === 'map-blocks' ? new SparseMapReader(maxExtents) : undefined;
    this.#pairs = this.#mapReader?.pairs ?? built.pairs;
  }

  /**
   * Reads what the entry's own header block says.
   *
   * @param block - that block
   * @param offset - where it is in the stream
   * @returns whether the map is complete; else the next blocks go to {@link take}
   * @throws {FormatError} for malformed numbers
   */
  begin(block: Uint8Array, offset: number): boolean {
    if (this.built.sparse !== 'extension-blocks') return this.built.sparse === 'pairs';
    readGnuSparseExtents(block, format.GNU_SPARSE_OFFSET, format.GNU_SPARSE_COUNT, this.#pairs, offset);
    return block[format.GNU_SPARSE_EXTENDED_OFFSET] === 0;
  }

  /**
   * Reads one more block of the map.
   *
   * @param block - the block
   * @param offset - where it is in the stream
   * @returns whether the map is complete
   * @throws {FormatError} when the map is malformed
   * @throws {LimitError} `sparseExtents`
   */
  take(block: Uint8Array, offset: number): boolean {
    if (this.#mapReader === undefined) return this.#takeExtension(block, offset);
    const isComplete = this.#mapReader.feed(block, offset);
    this.#mapBytes += block.length;
    if (this.#mapBytes > this.built.stored) {
      throw new FormatError('tar: a GNU sparse map that exceeds its entry', offset);
    }
    return isComplete;
  }

  /**
   * Checks the map and gives the entry its extents.
   *
   * @param offset - where the map ends in the stream
   * @returns bytes of data that follow
   * @throws {FormatError} when the map is impossible, or the archive stores more or less than it says
   */
  complete(offset: number): number {
    const { entry } = this.built;
    const stored = this.built.stored - this.#mapBytes;
    const { extents, dataBytes } = normalizeSparseMap(this.#pairs, entry.size, offset);
    if (dataBytes !== stored) {
      throw new FormatError(
        `tar: the sparse file "${displayPath(entry.path)}" stores ${stored} bytes where its map has ${dataBytes}`,
        offset,
      );
    }
    if (extents !== undefined) entry.extents = extents;
    return stored;
  }

  #takeExtension(block: Uint8Array, offset: number): boolean {
    const before = this.#pairs.length;
    readGnuSparseExtents(block, 0, format.GNU_EXTENSION_COUNT, this.#pairs, offset);
    if (this.#pairs.length / 2 > this.#maxExtents) {
      const what = `tar: a sparse file of too many extents at byte ${offset}`;
      throw new LimitError('sparseExtents', this.#maxExtents, what);
    }
    if (block[format.GNU_EXTENSION_EXTENDED_OFFSET] === 0) return true;
    if (this.#pairs.length === before) throw new FormatError('tar: an empty GNU sparse extension', offset);
    return false;
  }
}
