import type { ContentRef } from '@ocirender/interface';

/** Consecutive blocks of a file that are consecutive in the image. */
export interface BlockExtent {
  /** First block within the file. */
  logical: number;
  /** First block in the image. */
  physical: number;
  count: number;
}

/** All stored contents and where their blocks are, some 40 bytes each: files can be counted in millions. */
export class ContentTable {
  #count = 0;
  #sizes = new Float64Array(1024);
  #firstExtents = new Uint32Array(1024);
  #extents = 0;
  #logical = new Uint32Array(1024);
  #physical = new Float64Array(1024);
  #counts = new Uint32Array(1024);

  /** Number of contents. */
  get count(): number {
    return this.#count;
  }

  /** Begins a content of `size` bytes; {@link add} adds to the last one. */
  begin(size: number): ContentRef {
    if (this.#count + 1 === this.#firstExtents.length) {
      this.#firstExtents = doubled(this.#firstExtents, Uint32Array);
      this.#sizes = doubled(this.#sizes, Float64Array);
    }
    this.#sizes[this.#count] = size;
    this.#firstExtents[this.#count + 1] = this.#extents;
    return this.#count++;
  }

  /** Adds blocks to the last content, in the order of the file and of the image. */
  add(logical: number, physical: number, count: number): void {
    const last = this.#extents - 1;
    if (
      last >= (this.#firstExtents[this.#count - 1] as number) &&
      (this.#logical[last] as number) + (this.#counts[last] as number) === logical &&
      (this.#physical[last] as number) + (this.#counts[last] as number) === physical
    ) {
      this.#counts[last] = (this.#counts[last] as number) + count;
      return;
    }
    if (this.#extents === this.#logical.length) {
      this.#logical = doubled(this.#logical, Uint32Array);
      this.#physical = doubled(this.#physical, Float64Array);
      this.#counts = doubled(this.#counts, Uint32Array);
    }
    this.#logical[this.#extents] = logical;
    this.#physical[this.#extents] = physical;
    this.#counts[this.#extents] = count;
    this.#extents++;
    this.#firstExtents[this.#count] = this.#extents;
  }

  /** Tells whether a ref was given out. */
  has(ref: ContentRef): boolean {
    return Number.isInteger(ref) && ref >= 0 && ref < this.#count;
  }

  /** Apparent size of a content in bytes. */
  sizeOf(ref: ContentRef): number {
    return this.#sizes[ref] as number;
  }

  /** Number of a content's extents. */
  extentCount(ref: ContentRef): number {
    return (this.#firstExtents[ref + 1] as number) - (this.#firstExtents[ref] as number);
  }

  /** Where a content's blocks are: fresh objects, in the order of the file. */
  extentsOf(ref: ContentRef): BlockExtent[] {
    const extents: BlockExtent[] = [];
    const end = this.#firstExtents[ref + 1] as number;
    for (let at = this.#firstExtents[ref] as number; at < end; at++) {
      extents.push({
        logical: this.#logical[at] as number,
        physical: this.#physical[at] as number,
        count: this.#counts[at] as number,
      });
    }
    return extents;
  }
}

function doubled<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(
  old: T,
  type: new (length: number) => T,
): T {
  const next = new type(old.length * 2);
  next.set(old);
  return next;
}
