import type { SourceLayer } from '@ocirender/interface';
import type { BlockWriter } from './block-writer.ts';
import { DIGEST_WORDS, DigestIndex, sha256 } from './digest-index.ts';
import { type FragmentPlace, fragmentPlace } from './fragment-table.ts';
import { ITEM_KIND, type KeptContents, type KeptPiece } from './kept-contents.ts';
import type { KeptPieces } from './kept-pieces.ts';

/** How pieces are packed. */
export interface PackingOptions {
  /** Bytes. */
  readonly blockSize: number;
  /** Archive members of a layer that share fragment blocks. */
  readonly window: number;
  /** Store equal pieces once. */
  readonly dedupe: boolean;
}

/** Where a piece comes from. */
export interface PieceOrigin {
  readonly layer?: SourceLayer | undefined;
  readonly member?: number | undefined;
}

/** Packs small contents and tails into fragment blocks; equal ones share one place. */
export class FragmentPacker {
  readonly #blocks: BlockWriter;
  readonly #kept: KeptPieces;
  readonly #buffer: Uint8Array;
  readonly #windowSize: number;
  #digests: DigestIndex | undefined;
  /** SHA-256 of the piece that is being placed; zeros when nobody looks for equal ones. */
  readonly #digest = new Uint32Array(DIGEST_WORDS);
  #places = new Float64Array(1024);
  /** For each piece the layer whose recorder has its bytes + 1; 0 = none. */
  #recordedBy = new Uint32Array(1024);
  #fragment = 0;
  #fill = 0;
  #shared = 0;
  /** What the open block has. */
  #layer: SourceLayer | undefined;
  #window = -1;
  readonly #members: number[] = [];
  readonly #numbers: number[] = [];
  readonly #words: number[] = [];
  /** Pieces whose bytes are not in the buffer, and where they belong. */
  readonly #absent: { readonly piece: KeptPiece; readonly at: number }[] = [];

  /**
   * @param blocks - takes the full blocks
   * @param kept - reads pieces that did not come
   * @param options - how
   */
  constructor(blocks: BlockWriter, kept: KeptPieces, { blockSize, window, dedupe }: PackingOptions) {
    this.#blocks = blocks;
    this.#kept = kept;
    this.#buffer = new Uint8Array(blockSize);
    this.#windowSize = window;
    this.#digests = dedupe ? new DigestIndex() : undefined;
  }

  /** Number of pieces that were there already. */
  get shared(): number {
    return this.#shared;
  }

  /**
   * Places a piece.
   *
   * @param bytes - fewer than a block; left as they are until it is placed
   * @param origin - where it comes from
   * @returns where it is; a promise when a thread is to be waited for
   */
  add(bytes: Uint8Array, origin: PieceOrigin): FragmentPlace | Promise<FragmentPlace> {
    if (this.#digests !== undefined) sha256(bytes, this.#digest);
    const known = this.#digests?.findOrAdd(this.#digest, 0);
    if (known !== undefined) {
      this.#shared++;
      const place = this.#places[known] as number;
      const waiting = this.#recordShared(known, bytes, origin);
      return waiting === undefined ? place : waiting.then(() => place);
    }
    const number = this.#newest();
    const opening = this.#open(bytes.length, origin);
    if (opening !== undefined) return opening.then(() => this.#placeBytes(number, bytes, origin));
    return this.#placeBytes(number, bytes, origin);
  }

  /**
   * Places a piece whose bytes did not come.
   *
   * @param piece - of {@link KeptContents}
   * @param origin - where it comes from
   * @returns as {@link add}
   */
  addKept(piece: KeptPiece, origin: PieceOrigin): FragmentPlace | Promise<FragmentPlace> {
    const { words, digestAt, length } = piece;
    const known = this.#digests?.findOrAdd(words, digestAt);
    if (known !== undefined) {
      this.#shared++;
      return this.#places[known] as number;
    }
    const number = this.#newest();
    const opening = this.#open(length, origin);
    if (opening !== undefined) return opening.then(() => this.#placeKept(number, piece, origin));
    return this.#placeKept(number, piece, origin);
  }

  /**
   * Records a piece that the image does not show.
   *
   * @param bytes - fewer than a block
   * @param origin - where it comes from
   * @returns a promise when a thread is to be waited for
   */
  addSpare(bytes: Uint8Array, origin: PieceOrigin): undefined | Promise<void> {
    if (this.#digests !== undefined) sha256(bytes, this.#digest);
    return this.#recordPiece(bytes, origin);
  }

  /**
   * Hands over the last block and frees what finds equal pieces: as much memory as a third of the tree.
   */
  async finish(): Promise<void> {
    await this.#flush();
    this.#digests = undefined;
    this.#places = new Float64Array(0);
    this.#recordedBy = new Uint32Array(0);
  }

  /** Makes sure that a piece belongs into the open block. */
  #open(length: number, { layer, member }: PieceOrigin): undefined | Promise<void> {
    const window = member === undefined ? -1 : Math.floor(member / this.#windowSize);
    const isOpen =
      this.#fill + length <= this.#buffer.length && this.#layer === layer && this.#window === window;
    if (isOpen) return undefined;
    const begin = (): void => {
      this.#layer = layer;
      this.#window = window;
    };
    const flushing = this.#flush();
    if (flushing !== undefined) return flushing.then(begin);
    begin();
    return undefined;
  }

  #placeBytes(number: number, bytes: Uint8Array, origin: PieceOrigin): FragmentPlace {
    this.#buffer.set(bytes, this.#fill);
    return this.#place(number, this.#digest, 0, bytes.length, origin);
  }

  #placeKept(number: number, piece: KeptPiece, origin: PieceOrigin): FragmentPlace {
    this.#absent.push({ piece, at: this.#fill });
    return this.#place(number, piece.words, piece.digestAt, piece.length, origin);
  }

  /** Gives a piece its place in the open block. */
  #place(
    number: number,
    digest: Uint32Array,
    at: number,
    length: number,
    { layer, member }: PieceOrigin,
  ): FragmentPlace {
    const place = fragmentPlace(this.#fragment, this.#fill);
    this.#fill += length;
    const isRecorded = layer?.recorder !== undefined;
    if (isRecorded || layer?.kept !== undefined) this.#members.push(member as number);
    if (isRecorded) pushPiece(length, digest, at, this.#words);
    if (number >= 0) {
      this.#places[number] = place;
      if (isRecorded) this.#numbers.push(number);
    }
    return place;
  }

  /** Hands over the open block. */
  #flush(): undefined | Promise<void> {
    if (this.#fill === 0) return undefined;
    const contents = this.#kept.of(this.#layer);
    const known = contents?.fragment(this.#members);
    if (known !== undefined) return this.#putKept(contents as KeptContents, known.item, known.word);
    if (this.#absent.length > 0) return this.#fillAbsent(contents as KeptContents).then(() => this.#put());
    return this.#put();
  }

  #put(): undefined | Promise<void> {
    const wait = this.#blocks.room(this.#fill);
    if (wait !== undefined) return wait.then(() => this.#putNow());
    this.#putNow();
    return undefined;
  }

  #putNow(): void {
    const recorder = this.#layer?.recorder;
    if (recorder !== undefined) {
      const words = [ITEM_KIND.fragment, 0, ...this.#words];
      this.#blocks.log.beginFragment(this.#fragment, { recorder, members: [...this.#members], words });
      for (const number of this.#numbers) this.#recordedBy[number] = this.#layer!.index + 1;
    }
    this.#blocks.put(this.#buffer.subarray(0, this.#fill));
    this.#blocks.endFragmentBlock(this.#fragment);
    this.#next();
  }

  #putKept({ kept }: KeptContents, item: number, word: number): undefined | Promise<void> {
    const put = (): void => {
      this.#blocks.putKeptFragment(this.#fragment, {
        kept,
        item,
        words: Uint32Array.of(word),
        fingerprint: 0,
      });
      this.#next();
    };
    const wait = this.#blocks.room(0);
    if (wait !== undefined) return wait.then(put);
    put();
    return undefined;
  }

  async #fillAbsent(contents: KeptContents): Promise<void> {
    for (const { piece, at } of this.#absent)
      await this.#kept.read(contents, piece, this.#buffer.subarray(at, at + piece.length));
  }

  #next(): void {
    this.#fragment++;
    this.#fill = 0;
    this.#members.length = 0;
    this.#numbers.length = 0;
    this.#words.length = 0;
    this.#absent.length = 0;
  }

  /** Records a piece that is stored elsewhere: later, its bytes may be needed here. */
  #recordShared(known: number, bytes: Uint8Array, { layer, member }: PieceOrigin): undefined | Promise<void> {
    const recorder = layer?.recorder;
    if (recorder === undefined) return undefined;
    if (this.#recordedBy[known] === layer!.index + 1) {
      recorder.note([member as number], pushPiece(bytes.length, this.#digest, 0, [ITEM_KIND.same]));
      return undefined;
    }
    this.#recordedBy[known] = layer!.index + 1;
    return this.#recordPiece(bytes, { layer, member });
  }

  /** Records the piece that was hashed last. */
  #recordPiece(bytes: Uint8Array, { layer, member }: PieceOrigin): undefined | Promise<void> {
    const recorder = layer?.recorder;
    if (recorder === undefined) return undefined;
    const put = (): void => {
      const words = pushPiece(bytes.length, this.#digest, 0, [ITEM_KIND.piece]);
      this.#blocks.log.beginPiece({ recorder, members: [member as number], words });
      this.#blocks.put(bytes);
      this.#blocks.endPiece();
    };
    const wait = this.#blocks.room(bytes.length);
    if (wait !== undefined) return wait.then(put);
    put();
    return undefined;
  }

  /** The number of the piece that was looked up last, and is new; -1 when nobody counts. */
  #newest(): number {
    if (this.#digests === undefined) return -1;
    const number = this.#digests.count - 1;
    if (number >= this.#places.length) {
      const places = new Float64Array(this.#places.length * 2);
      places.set(this.#places);
      this.#places = places;
      const recordedBy = new Uint32Array(this.#places.length);
      recordedBy.set(this.#recordedBy);
      this.#recordedBy = recordedBy;
    }
    return number;
  }
}

function pushPiece(length: number, digest: Uint32Array, at: number, words: number[]): number[] {
  words.push(length);
  for (let i = at; i < at + DIGEST_WORDS; i++) words.push(digest[i] as number);
  return words;
}
