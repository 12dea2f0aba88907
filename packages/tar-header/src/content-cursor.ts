import type { Extent } from '@ocirender/interface';
import type { TarEvent } from './events.ts';

const END_OF_ENTRY: TarEvent = { type: 'end-of-entry' };
const NO_EXTENTS: readonly Extent[] = [];

/** Walks through a file's content: which bytes are data, where holes are, when it is over. */
export class ContentCursor {
  /** Bytes left of the data extent at hand. */
  left = 0;
  #extents: readonly Extent[] = NO_EXTENTS;
  #next = 0;
  #position = 0;
  #size = 0;

  /**
   * Begins a file.
   *
   * @param size - apparent size in bytes, not 0
   * @param extents - data extents of a sparse file
   * @param events - receives a hole at the start, and everything of a file without data
   * @returns whether there is data
   */
  begin(size: number, extents: readonly Extent[] | undefined, events: TarEvent[]): boolean {
    this.#size = size;
    this.#next = 0;
    if (extents === undefined) {
      this.#extents = NO_EXTENTS;
      this.#position = size;
      this.left = size;
      return true;
    }
    this.#extents = extents;
    this.#position = 0;
    return this.advance(events);
  }

  /**
   * Goes on after the last byte of a data extent.
   *
   * @param events - receives the hole that follows, or the end
   * @returns whether there is more data
   */
  advance(events: TarEvent[]): boolean {
    const extent = this.#extents[this.#next++];
    const hole = (extent?.offset ?? this.#size) - this.#position;
    if (hole > 0) events.push({ type: 'hole', length: hole });
    if (extent === undefined) {
      events.push(END_OF_ENTRY);
      this.#extents = NO_EXTENTS;
      return false;
    }
    this.#position = extent.offset + extent.length;
    this.left = extent.length;
    return true;
  }
}
