import type { KeptWork } from '@ocirender/interface';
import { DIGEST_WORDS } from './digest-index.ts';
import { BLOCK_SIZE_MASK } from './format.ts';

/**
 * What is recorded of contents: first word of an item.
 *
 * - `blocks`: the blocks of one content, its tail left out. Further words: its fingerprint; a size word for each stored block; 0 and two words, a number
 *   of bytes (low, high), for zeros that are not stored.
 * - `fragment`: a fragment block. Further words: its size word, and nine for each member: the length of its piece, and its SHA-256.
 * - `piece`: one piece, as it is, which a newer layer's fragment block has: the length and the SHA-256.
 * - `same`: one piece that is equal to one of this layer: the length and the SHA-256.
 */
export const ITEM_KIND = { blocks: 0, fragment: 1, piece: 2, same: 3 } as const;

/** Words of a piece: its length, and its SHA-256. */
export const PIECE_WORDS: number = 1 + DIGEST_WORDS;

/** Blocks of a content that were compressed before. */
export interface KeptBlocks {
  readonly item: number;
  readonly fingerprint: number;
  /** Size words, and 0 with two more for zeros. */
  readonly words: Uint32Array;
}

/** A piece whose bytes need not come. */
export interface KeptPiece {
  readonly member: number;
  readonly length: number;
  /** Hold its SHA-256 in eight words, which begin at `digestAt`. */
  readonly words: Uint32Array;
  readonly digestAt: number;
}

/** A fragment block that was compressed before. */
export interface KeptFragment {
  readonly item: number;
  /** Size word. */
  readonly word: number;
}

/** Contents of one layer that were stored before, by archive member. */
export class KeptContents {
  readonly kept: KeptWork;
  readonly #blocks = new Map<number, number>();
  /** Item of a member's piece + 1, and which of its pieces. */
  #pieceItems = new Uint32Array(1024);
  #pieceIndexes = new Uint32Array(1024);
  readonly #fragments = new Map<number, number[]>();
  #last: { readonly item: number; readonly words: Uint32Array } | undefined;
  /** Members whose pieces have bytes, by digest. */
  #owners: Map<string, number> | undefined;

  /**
   * Looks at all items.
   *
   * @param kept - of one layer
   * @throws what `kept.reject` gives, when they make no sense
   */
  constructor(kept: KeptWork) {
    this.kept = kept;
    for (let index = 0; index < kept.count; index++) {
      const { members, words, size } = kept.item(index);
      const [kind] = words;
      const first = members[0];
      if (first === undefined) throw kept.reject('an item is of no content');
      if (kind === ITEM_KIND.blocks) {
        this.#blocks.set(first, index);
        continue;
      }
      const isFragment = kind === ITEM_KIND.fragment;
      const isPiece = kind === ITEM_KIND.piece || kind === ITEM_KIND.same;
      const at = isFragment ? 2 : 1;
      if ((!isFragment && !isPiece) || words.length !== at + PIECE_WORDS * members.length)
        throw kept.reject('an item is of an unknown kind');
      if (isFragment) {
        if (size !== ((words[1] as number) & BLOCK_SIZE_MASK)) throw kept.reject('a block has a wrong size');
        const known = this.#fragments.get(first);
        if (known === undefined) this.#fragments.set(first, [index]);
        else known.push(index);
      }
      for (let piece = 0; piece < members.length; piece++)
        this.#setPiece(members[piece] as number, index, piece);
    }
  }

  /** Looks up the blocks of a member's content. */
  blocks(member: number): KeptBlocks | undefined {
    const item = this.#blocks.get(member);
    if (item === undefined) return undefined;
    const { words } = this.kept.item(item);
    return { item, fingerprint: words[1] ?? 0, words: words.subarray(2) };
  }

  /** Looks up a member's piece: its content, or the tail of it. */
  piece(member: number): KeptPiece | undefined {
    const item = this.#pieceItem(member);
    if (item === undefined) return undefined;
    const words = this.#wordsOf(item);
    const first = words[0] === ITEM_KIND.fragment ? 2 : 1;
    const at = first + PIECE_WORDS * (this.#pieceIndexes[member] as number);
    return { member, length: words[at] as number, words, digestAt: at + 1 };
  }

  /**
   * Looks up a fragment block.
   *
   * @param members - those whose pieces are in it, in order
   */
  fragment(members: readonly number[]): KeptFragment | undefined {
    for (const item of this.#fragments.get(members[0] as number) ?? []) {
      const known = this.kept.item(item);
      if (
        known.members.length === members.length &&
        members.every((member, i) => known.members[i] === member)
      )
        return { item, word: known.words[1] as number };
    }
    return undefined;
  }

  /**
   * Says where the bytes of a piece are.
   *
   * @param piece - of this layer
   * @returns the item, and where in its contents they begin; in a fragment block once that is decompressed
   * @throws what `kept.reject` gives, when they are nowhere
   */
  locate({ member, words: own, digestAt }: KeptPiece): {
    item: number;
    word: number | undefined;
    offset: number;
  } {
    let item = this.#pieceItem(member) as number;
    let index = this.#pieceIndexes[member] as number;
    if (this.#wordsOf(item)[0] === ITEM_KIND.same) {
      const owner = this.#ownerOf(textOf(own, digestAt));
      if (owner === undefined) throw this.kept.reject('a piece is nowhere');
      item = this.#pieceItem(owner) as number;
      index = this.#pieceIndexes[owner] as number;
    }
    const words = this.#wordsOf(item);
    if (words[0] === ITEM_KIND.piece) return { item, word: undefined, offset: 0 };
    let offset = 0;
    for (let i = 0; i < index; i++) offset += words[2 + PIECE_WORDS * i] as number;
    return { item, word: words[1] as number, offset };
  }

  #ownerOf(digest: string): number | undefined {
    if (this.#owners === undefined) {
      this.#owners = new Map();
      for (let member = 0; member < this.#pieceItems.length; member++) {
        const piece = this.piece(member);
        if (piece === undefined) continue;
        const item = this.#pieceItem(member) as number;
        if (this.#wordsOf(item)[0] !== ITEM_KIND.same)
          this.#owners.set(textOf(piece.words, piece.digestAt), member);
      }
    }
    return this.#owners.get(digest);
  }

  /** An item's words. Those of the last item are asked for again, as a rule. */
  #wordsOf(item: number): Uint32Array {
    if (this.#last?.item !== item) this.#last = { item, words: this.kept.item(item).words };
    return this.#last.words;
  }

  #pieceItem(member: number): number | undefined {
    const item = this.#pieceItems[member];
    return item === undefined || item === 0 ? undefined : item - 1;
  }

  #setPiece(member: number, item: number, index: number): void {
    if (member >= this.#pieceItems.length) {
      this.#pieceItems = grown(this.#pieceItems, member);
      this.#pieceIndexes = grown(this.#pieceIndexes, member);
    }
    // Whoever has bytes goes before who is only equal to another.
    const old = this.#pieceItem(member);
    if (old !== undefined && this.#wordsOf(item)[0] === ITEM_KIND.same) return;
    this.#pieceItems[member] = item + 1;
    this.#pieceIndexes[member] = index;
  }
}

/**
 * Goes through the words of {@link KeptBlocks}.
 *
 * @param words - of a content
 * @param block - is given the size word of each block that is stored
 * @param zeros - is given each number of bytes that are zero and not stored
 */
export function visitBlocks(
  words: Uint32Array,
  block: (word: number) => void,
  zeros: (bytes: number) => void,
): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word !== 0) block(word);
    else zeros((words[++i] ?? 0) + 0x1_0000_0000 * (words[++i] ?? 0));
  }
}

/** A digest as a key of a map. */
function textOf(words: Uint32Array, at: number): string {
  return words.subarray(at, at + DIGEST_WORDS).join();
}

function grown(old: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(Math.max(old.length * 2, index + 1));
  next.set(old);
  return next;
}
