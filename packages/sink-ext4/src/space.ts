import type { BlockExtent } from './content-table.ts';
import type { BlockRun, Geometry } from './geometry.ts';

/** Gives out blocks behind the data: whole runs for tables, any blocks for everything else. */
export class Space {
  readonly #geometry: Geometry;
  #gaps: BlockRun[] = [];
  #run: BlockRun;
  #end: number;

  /**
   * @param geometry - says what is not to be given out
   * @param from - the first block that is free
   */
  constructor(geometry: Geometry, from: number) {
    this.#geometry = geometry;
    this.#run = geometry.nextRun(from);
    // The run begins where it may; nothing is used beyond `from` until something is taken.
    this.#end = from;
  }

  /** The block after the last one that was given out, or the first free one. */
  get end(): number {
    return this.#end;
  }

  /** Free runs below {@link end}, in ascending order. */
  get gaps(): readonly BlockRun[] {
    return this.#gaps;
  }

  /**
   * Takes consecutive blocks.
   *
   * @param count - fewer than a group has
   * @returns the first
   */
  consecutive(count: number): number {
    const index = this.#gaps.findIndex(({ start, end }) => end - start >= count);
    if (index >= 0) return this.#takeFromGap(index, count);
    if (this.#run.end - this.#run.start < count) {
      if (this.#run.start < this.#run.end) this.#gaps.push(this.#run);
      this.#run = this.#geometry.nextRun(this.#run.end);
    }
    return this.#takeFromRun(count);
  }

  /**
   * Takes blocks wherever they are, gaps first.
   *
   * @param count - how many
   * @returns extents, the first of which is logical block 0
   */
  blocks(count: number): BlockExtent[] {
    const extents: BlockExtent[] = [];
    for (let logical = 0; logical < count; ) {
      const gap = this.#gaps[0];
      let taken: number;
      let physical: number;
      if (gap === undefined) {
        if (this.#run.start === this.#run.end) this.#run = this.#geometry.nextRun(this.#run.end);
        taken = Math.min(count - logical, this.#run.end - this.#run.start);
        physical = this.#takeFromRun(taken);
      } else {
        taken = Math.min(count - logical, gap.end - gap.start);
        physical = this.#takeFromGap(0, taken);
      }
      extents.push({ logical, physical, count: taken });
      logical += taken;
    }
    return extents;
  }

  /** Takes one block. */
  block(): number {
    return (this.blocks(1)[0] as BlockExtent).physical;
  }

  #takeFromRun(count: number): number {
    const { start, end } = this.#run;
    this.#run = { start: start + count, end };
    this.#end = start + count;
    return start;
  }

  #takeFromGap(index: number, count: number): number {
    const { start, end } = this.#gaps[index] as BlockRun;
    const rest = start + count === end ? [] : [{ start: start + count, end }];
    this.#gaps.splice(index, 1, ...rest);
    return start;
  }
}
