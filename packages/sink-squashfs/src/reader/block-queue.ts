import type { ContentChunk } from '@ocirender/interface';
import type { Piece } from './block-plan.ts';

/** A piece, and which of several files it belongs to. */
export interface QueuedPiece {
  readonly file: number;
  readonly piece: Piece;
}

interface Started extends QueuedPiece {
  /** Its bytes, once somebody has asked for them or there was time to read ahead. */
  chunk: Promise<ContentChunk> | undefined;
}

/** Turns pieces into bytes, in order, some of them in work at a time. */
export class BlockQueue {
  readonly #pieces: AsyncIterator<QueuedPiece>;
  readonly #load: (piece: Piece) => Promise<ContentChunk>;
  readonly #depth: number;
  readonly #queue: Started[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;

  /**
   * @param pieces - in the order in which they will be taken
   * @param load - reads and decompresses one
   * @param depth - how many to begin ahead of use; 0 when that is no use
   */
  constructor(
    pieces: AsyncIterator<QueuedPiece>,
    load: (piece: Piece) => Promise<ContentChunk>,
    depth: number,
  ) {
    this.#pieces = pieces;
    this.#load = load;
    this.#depth = depth;
  }

  /**
   * Takes the next piece of a file; pieces of files before it are left out.
   *
   * @param file - its number
   * @returns its bytes, valid until the next is taken; undefined when the file has no more
   */
  async take(file: number): Promise<ContentChunk | undefined> {
    for (;;) {
      await this.#fill();
      const head = this.#queue[0];
      if (head === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        return undefined;
      }
      if (head.file > file) return undefined;
      this.#queue.shift();
      if (head.file < file) continue;
      const chunk = head.chunk ?? this.#load(head.piece);
      // While the caller is at work with it, the next ones go on.
      if (this.#depth > 0) await this.#fill();
      return chunk;
    }
  }

  async #fill(): Promise<void> {
    while (!this.#ended && this.#queue.length < Math.max(1, this.#depth)) {
      try {
        const next = await this.#pieces.next();
        if (next.done === true) {
          this.#ended = true;
          return;
        }
        const chunk = this.#depth > 0 ? this.#load(next.value.piece) : undefined;
        // A failure is told when its turn comes, or never.
        chunk?.catch(() => {});
        this.#queue.push({ ...next.value, chunk });
      } catch (error) {
        this.#ended = true;
        this.#failure = { error };
      }
    }
  }
}
