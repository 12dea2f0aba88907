import * as zlib from 'node:zlib';
import type { ZlibInternals } from '@ocirender/interface';
import type { DecompressionEngine } from './engine.ts';
import type { RingWriter } from './input/ring.ts';
import type { ZlibStream } from './zlib-engine.ts';

/**
 * Drives the zlib of a `node:zlib` stream in the calling thread, straight into a ring of reused memory: no chunk is
 * made, no thread waited for, nothing left to the garbage collector.
 */
export class SyncZlibEngine implements DecompressionEngine {
  readonly #stream: ZlibStream & ZlibInternals;
  readonly #output: Pick<RingWriter, 'take' | 'commit'>;
  readonly #count: (bytes: number) => void;
  #error: Error | undefined;
  consumed = 0;
  produced = 0;

  /**
   * @param stream - fresh; nobody else uses it
   * @param output - takes the decompressed bytes
   * @param count - is told of their number before they are handed over; throws when there are too many
   */
  constructor(
    stream: ZlibStream,
    output: Pick<RingWriter, 'take' | 'commit'>,
    count: (bytes: number) => void,
  ) {
    this.#stream = stream as ZlibStream & ZlibInternals;
    this.#output = output;
    this.#count = count;
    this.#stream._handle.onerror = (message, errno, code) => {
      this.#error = Object.assign(new Error(message), { errno, code });
    };
  }

  write(slice: Uint8Array): number {
    const { _handle: handle, _writeState: state } = this.#stream;
    for (let from = 0; ; ) {
      const left = slice.length - from;
      const room = this.#output.take();
      handle.writeSync(zlib.constants.Z_NO_FLUSH, slice, from, left, room, 0, room.length);
      if (this.#error !== undefined) throw this.#error;
      const [roomLeft, inputLeft] = state as unknown as [number, number];
      const made = room.length - roomLeft;
      this.consumed += left - inputLeft;
      from += left - inputLeft;
      if (made > 0) {
        this.produced += made;
        this.#count(made);
        this.#output.commit(made);
      }
      // A full output may not be all that there is; with room left, zlib wants no more of the input.
      if (roomLeft > 0) return from;
    }
  }

  collect(): void {}

  async *run(feed: () => Promise<void>): AsyncGenerator<Uint8Array> {
    try {
      await feed();
      // All of it went to the ring.
      yield* [];
    } finally {
      this.#stream.destroy();
    }
  }
}

/** Whether {@link SyncZlibEngine} works in this Node. */
let works: boolean | undefined;

/**
 * Tells whether zlib can be driven in this way: tried once, on a sample.
 *
 * @returns false when the internals of `node:zlib` are not what they were
 */
export function canInflateAtOnce(): boolean {
  works ??= probe();
  return works;
}

function probe(): boolean {
  const sample = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 7);
  const output = new Uint8Array(new SharedArrayBuffer(sample.length + 1));
  let filled = 0;
  const take = (): Uint8Array => output.subarray(filled, Math.min(filled + 2048, output.length));
  try {
    const stored = zlib.gzipSync(sample);
    const room = {
      take,
      commit: (count: number): void => {
        filled += count;
      },
    };
    const engine = new SyncZlibEngine(zlib.createGunzip() as unknown as ZlibStream, room, () => {});
    const taken = engine.write(stored);
    const isRight = taken === stored.length && Buffer.compare(output.subarray(0, filled), sample) === 0;
    try {
      engine.write(Uint8Array.of(0xff, 0xff));
      return false;
    } catch (error) {
      return isRight && (error as Error).message === 'incorrect header check';
    } finally {
      void engine.run(async () => {}).next();
    }
  } catch {
    return false;
  }
}
