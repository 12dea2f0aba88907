import type { ImageFile } from './image-file.ts';

/** How far {@link ReadAhead} reads. */
export interface ReadAheadOptions {
  /** Bytes that it reads at first and after a jump. */
  readonly minimum: number;
  /** Bytes that it reads at most, reached by doubling as long as reading goes on where it ended. */
  readonly maximum: number;
  /** Whether the next bytes are read while the last are in use. */
  readonly prefetch: boolean;
}

interface Chunk {
  readonly position: number;
  readonly data: Buffer;
}

/** Reads of a file in big pieces, for one that reads mostly forward. Holds two pieces at most. */
export class ReadAhead {
  readonly #file: ImageFile;
  readonly #options: ReadAheadOptions;
  #chunk: Chunk = { position: 0, data: Buffer.alloc(0) };
  #next: { position: number; end: number; chunk: Promise<Chunk> } | undefined;
  #step: number;

  constructor(file: ImageFile, options: ReadAheadOptions) {
    this.#file = file;
    this.#options = options;
    this.#step = options.minimum;
  }

  /**
   * Reads bytes.
   *
   * @param position - in bytes
   * @param length - in bytes, no more than the options' maximum
   * @returns a view of them, not a promise when they are at hand
   */
  read(position: number, length: number): Buffer | Promise<Buffer> {
    const from = position - this.#chunk.position;
    if (from >= 0 && from + length <= this.#chunk.data.length) {
      return this.#chunk.data.subarray(from, from + length);
    }
    return this.#advance(position, length);
  }

  async #advance(position: number, length: number): Promise<Buffer> {
    const chunk = this.#chunk;
    const end = chunk.position + chunk.data.length;
    const next = this.#next;
    if (next !== undefined && position >= chunk.position && position + length <= next.end) {
      const following = await next.chunk;
      if (this.#next === next) this.#use(following, true);
      if (position >= following.position) return cut(following, position, length);
      if (position >= end) return this.#file.read(position, length);
      return Buffer.concat([
        chunk.data.subarray(position - chunk.position),
        following.data.subarray(0, position + length - end),
      ]);
    }
    // A gap is a jump only when it is longer than what is read anyway.
    const forward = position >= chunk.position && position <= end + this.#step && end > 0;
    this.#step = forward ? Math.min(2 * this.#step, this.#options.maximum) : this.#options.minimum;
    const fresh = await this.#load(position, Math.max(length, this.#step));
    this.#use(fresh, forward);
    return cut(fresh, position, length);
  }

  #use(chunk: Chunk, forward: boolean): void {
    this.#chunk = chunk;
    this.#next = undefined;
    const position = chunk.position + chunk.data.length;
    if (!forward || !this.#options.prefetch || position >= this.#file.end) return;
    this.#step = Math.min(2 * this.#step, this.#options.maximum);
    const loading = this.#load(position, this.#step);
    // Asked for later or never: a failure is told to whoever asks.
    loading.catch(() => {});
    this.#next = { position, end: Math.min(position + this.#step, this.#file.end), chunk: loading };
  }

  async #load(position: number, length: number): Promise<Chunk> {
    const most = Math.max(0, this.#file.end - position);
    return { position, data: await this.#file.read(position, Math.min(length, most)) };
  }
}

function cut(chunk: Chunk, position: number, length: number): Buffer {
  const from = position - chunk.position;
  return chunk.data.subarray(from, from + length);
}
