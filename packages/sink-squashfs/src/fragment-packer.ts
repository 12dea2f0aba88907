import type { BlockWriter } from './block-writer.ts';
import { DigestIndex } from './digest-index.ts';
import { type FragmentPlace, fragmentPlace } from './fragment-table.ts';

/** Packs small contents and tails into fragment blocks; equal ones share one place. */
export class FragmentPacker {
  readonly #blocks: BlockWriter;
  readonly #buffer: Uint8Array;
  #digests: DigestIndex | undefined;
  #places = new Float64Array(1024);
  #fragment = 0;
  #fill = 0;
  #shared = 0;

  /**
   * @param blocks - takes the full blocks
   * @param blockSize - bytes
   * @param dedupe - store equal pieces once
   */
  constructor(blocks: BlockWriter, blockSize: number, dedupe: boolean) {
    this.#blocks = blocks;
    this.#buffer = new Uint8Array(blockSize);
    this.#digests = dedupe ? new DigestIndex() : undefined;
  }

  /** Number of pieces that were there already. */
  get shared(): number {
    return this.#shared;
  }

  /** Tells whether a piece fits into the block that is being filled. */
  hasRoom(length: number): boolean {
    return this.#fill + length <= this.#buffer.length;
  }

  /**
   * Places a piece. Unless it {@link hasRoom}, the block writer must have room for a block.
   *
   * @param bytes - fewer than a block
   * @returns where it is
   */
  add(bytes: Uint8Array): FragmentPlace {
    const known = this.#digests?.findOrAdd(bytes);
    if (known !== undefined) {
      this.#shared++;
      return this.#places[known] as number;
    }
    if (!this.hasRoom(bytes.length)) this.flush();
    const place = fragmentPlace(this.#fragment, this.#fill);
    this.#buffer.set(bytes, this.#fill);
    this.#fill += bytes.length;
    if (this.#digests !== undefined) this.#remember(this.#digests.count - 1, place);
    return place;
  }

  /** Hands over the block that is being filled; the block writer must have room for it. */
  flush(): void {
    if (this.#fill === 0) return;
    this.#blocks.put(this.#buffer.subarray(0, this.#fill));
    this.#blocks.endFragmentBlock(this.#fragment++);
    this.#fill = 0;
  }

  /** Hands over the last block and frees what finds equal pieces: as much memory as a third of the tree. */
  finish(): void {
    this.flush();
    this.#digests = undefined;
    this.#places = new Float64Array(0);
  }

  #remember(piece: number, place: FragmentPlace): void {
    if (piece >= this.#places.length) {
      const places = new Float64Array(this.#places.length * 2);
      places.set(this.#places);
      this.#places = places;
    }
    this.#places[piece] = place;
  }
}
