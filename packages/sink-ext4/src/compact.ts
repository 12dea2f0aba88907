import type { OutputFile } from '@ocirender/image-file';
import type { ContentRef } from '@ocirender/interface';
import type { BlockExtent, ContentTable } from './content-table.ts';
import type { BlockRun, Geometry } from './geometry.ts';

/** Bytes moved at a time. */
const PIECE = 1024 * 1024;

interface OwnedExtent extends BlockExtent {
  readonly ref: ContentRef;
}

/** What compacting works on. */
export interface CompactSetup {
  readonly file: OutputFile;
  readonly geometry: Geometry;
  readonly contents: ContentTable;
  /** The first block that contents have taken, and the block after the last. */
  readonly start: number;
  readonly end: number;
  /** Throws to stop. */
  readonly check: () => void;
}

/**
 * Closes the gaps that unneeded contents have left: blocks from the end move into them, so that the image is as
 * small as if those contents had never come.
 */
export class Compactor {
  readonly #setup: CompactSetup;
  readonly #moved = new Map<ContentRef, BlockExtent[]>();
  #end: number;

  constructor(setup: CompactSetup) {
    this.#setup = setup;
    this.#end = setup.end;
  }

  /** The block after the last one in use. */
  get end(): number {
    return this.#end;
  }

  /** Whether blocks of a content are not where they were. */
  hasMoved(ref: ContentRef): boolean {
    return this.#moved.has(ref);
  }

  /** Where a needed content's blocks are. */
  extentsOf(ref: ContentRef): BlockExtent[] {
    return this.#moved.get(ref) ?? this.#setup.contents.extentsOf(ref);
  }

  /**
   * Closes the gaps.
   *
   * @param needed - the contents that stay, each once, in any order
   */
  async close(needed: Iterable<ContentRef>): Promise<void> {
    const { contents, start } = this.#setup;
    const refs = Float64Array.from(needed).sort();
    if (refs.length === contents.count) return;
    const extents: OwnedExtent[] = [];
    for (const ref of refs) {
      for (const extent of contents.extentsOf(ref)) extents.push({ ...extent, ref });
    }
    const pieces = new Map<ContentRef, BlockExtent[]>();
    let filled = start;
    for (const gap of this.#gaps(extents)) {
      for (let at = gap.start; at < gap.end; ) {
        const tail = extents.at(-1);
        if (tail === undefined || tail.physical < at) break;
        const count = Math.min(gap.end - at, tail.count);
        tail.count -= count;
        await this.#copy(tail.physical + tail.count, at, count);
        const piece = { logical: tail.logical + tail.count, physical: at, count };
        const list = pieces.get(tail.ref);
        if (list === undefined) pieces.set(tail.ref, [piece]);
        else list.push(piece);
        at += count;
        filled = at;
        if (tail.count === 0) extents.pop();
      }
    }
    for (const extent of extents) pieces.get(extent.ref)?.push(extent);
    for (const [ref, list] of pieces) this.#moved.set(ref, joined(list));
    const last = extents.at(-1);
    this.#end = Math.max(filled, last === undefined ? start : last.physical + last.count);
  }

  /**
   * Gives a second inode with the same content blocks of its own.
   *
   * @param ref - a content that stays
   * @returns where the copy is
   */
  async duplicate(ref: ContentRef): Promise<BlockExtent[]> {
    const copies: BlockExtent[] = [];
    for (const { logical, physical, count } of this.extentsOf(ref)) {
      for (let done = 0; done < count; ) {
        const run = this.#setup.geometry.nextRun(this.#end);
        const length = Math.min(count - done, run.end - run.start);
        await this.#copy(physical + done, run.start, length);
        copies.push({ logical: logical + done, physical: run.start, count: length });
        this.#end = run.start + length;
        done += length;
      }
    }
    return joined(copies);
  }

  /** Free runs between extents in ascending order. */
  #gaps(extents: readonly OwnedExtent[]): BlockRun[] {
    const { geometry, start } = this.#setup;
    const gaps: BlockRun[] = [];
    let at = start;
    for (const { physical, count } of extents) {
      while (at < physical) {
        const run = geometry.nextRun(at);
        if (run.start >= physical) break;
        const end = Math.min(run.end, physical);
        gaps.push({ start: run.start, end });
        at = end;
      }
      at = physical + count;
    }
    return gaps;
  }

  async #copy(from: number, to: number, count: number): Promise<void> {
    const { file, geometry, check } = this.#setup;
    const size = geometry.blockSize;
    const buffer = new Uint8Array(Math.min(count * size, PIECE));
    for (let done = 0; done < count * size; done += buffer.length) {
      check();
      const piece = buffer.subarray(0, Math.min(buffer.length, count * size - done));
      file.read(piece, from * size + done);
      await file.write(piece, to * size + done);
    }
  }
}

/** Orders extents as the file has them, and joins those that follow each other. */
function joined(extents: readonly BlockExtent[]): BlockExtent[] {
  const result: BlockExtent[] = [];
  for (const { logical, physical, count } of extents.toSorted((a, b) => a.logical - b.logical)) {
    const last = result.at(-1);
    if (
      last !== undefined &&
      last.logical + last.count === logical &&
      last.physical + last.count === physical
    )
      last.count += count;
    else result.push({ logical, physical, count });
  }
  return result;
}
