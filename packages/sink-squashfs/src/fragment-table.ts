import { MAX_BLOCK_SIZE } from './format.ts';

/** Size of an entry in bytes. */
export const FRAGMENT_ENTRY_SIZE = 16;

/** Where the fragment blocks are (format.adoc, "Fragment Table"). */
export class FragmentTable {
  #starts: number[] = [];
  #words: number[] = [];

  /** Number of fragment blocks. */
  get count(): number {
    return this.#starts.length;
  }

  /** Adds the next fragment block: its position and its size word. */
  add(start: number, word: number): void {
    this.#starts.push(start);
    this.#words.push(word);
  }

  /** Encodes the entries. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(this.count * FRAGMENT_ENTRY_SIZE);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < this.count; i++) {
      view.setBigUint64(i * FRAGMENT_ENTRY_SIZE, BigInt(this.#starts[i] as number), true);
      view.setUint32(i * FRAGMENT_ENTRY_SIZE + 8, this.#words[i] as number, true);
    }
    return bytes;
  }
}

/** A place in a fragment block as one number: fragment index * 2^20 + offset. */
export type FragmentPlace = number;

/** Makes a place. */
export function fragmentPlace(fragment: number, offset: number): FragmentPlace {
  return fragment * MAX_BLOCK_SIZE + offset;
}

/** Takes a place apart. */
export function splitPlace(place: FragmentPlace): { fragment: number; offset: number } {
  return { fragment: Math.floor(place / MAX_BLOCK_SIZE), offset: place % MAX_BLOCK_SIZE };
}
