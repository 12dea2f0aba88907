import { FormatError, throwIfAborted } from '@ocirender/interface';
import { BitReader, OutOfBits } from './bit-reader.ts';
import type { ByteInput } from './byte-input.ts';
import { ChunkWriter } from './chunk-writer.ts';
import type { CodecContext } from './codec.ts';
import { detectCompression, isCutMagic } from './magic.ts';
import { readTrailing } from './trailing.ts';

const HEADER_SIZE = 4;
const LEVEL_UNIT = 100_000;
/** Compressed bytes that hold a block of any real file; a block that needs more is tried again with twice as many. */
const BLOCK_BYTES = 1024 * 1024;

/**
 * Decompresses bzip2 of one or several streams, a block at a time. A block gives at most 46 MB, held in
 * memory until the consumer has taken them.
 *
 * @param input - begins with `BZh`
 * @param context - limits and diagnostics
 * @returns decompressed chunks
 * @throws {FormatError} when the data is damaged or ends early
 */
export async function* unbzip2(input: ByteInput, context: CodecContext): AsyncGenerator<Uint8Array> {
  const decoder = new Bzip2Decoder(input, context);
  do yield* decoder.stream();
  while (await decoder.atStream());
  await readTrailing(input, context, 'bzip2');
}

class Bzip2Decoder {
  readonly #input: ByteInput;
  readonly #context: CodecContext;
  readonly #bits = new BitReader();
  readonly #areas: Int32Array[] = [];
  #inputEnded = false;

  constructor(input: ByteInput, context: CodecContext) {
    this.#input = input;
    this.#context = context;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    const library = (await import('unbzip2-stream/lib/bzip2.js')).default;
    const level = await this.#step(() => library.header(this.#bits.read));
    const length = level * LEVEL_UNIT;
    this.#areas[level] ??= new Int32Array(length);
    const area = this.#areas[level];
    for (let crc: number | null = 0; crc !== null; ) {
      const before: number = crc;
      const block = await this.#step(() => {
        const output = new ChunkWriter();
        const next = library.decompress(this.#bits.read, output.write, area, length, before);
        return { crc: next, chunks: output.finish() };
      });
      crc = block.crc;
      yield* block.chunks;
      await this.#breathe();
    }
  }

  /** Tells whether another stream follows; if not, puts back what was read too far. */
  async atStream(): Promise<boolean> {
    await this.#fill(HEADER_SIZE);
    const head = this.#bits.rest.subarray(0, HEADER_SIZE);
    if (detectCompression(head) === 'bzip2') return true;
    if (head.length > 0 && isCutMagic(head, 'bzip2')) throw this.#truncated();
    this.#input.unread(this.#bits.rest);
    return false;
  }

  /** Runs one step of the library, which wants all of its bytes at hand. */
  async #step<Result>(run: () => Result): Promise<Result> {
    for (let wanted = BLOCK_BYTES; ; wanted *= 2) {
      await this.#fill(wanted);
      const start = this.#bits.position;
      try {
        return run();
      } catch (error) {
        if (error instanceof OutOfBits) {
          if (this.#inputEnded) throw this.#truncated();
          this.#bits.position = start;
          continue;
        }
        const offset = this.#input.offset - this.#bits.rest.length;
        // Whatever the library throws, also a TypeError, comes from bad data.
        const message = `${this.#context.what}: the bzip2 data is damaged: ${(error as Error).message}`;
        throw new FormatError(message, offset, { cause: error });
      }
    }
  }

  async #fill(wanted: number): Promise<void> {
    const rest = this.#bits.rest;
    if (this.#inputEnded || rest.length >= wanted) return;
    const more = await this.#input.take(2 * wanted - rest.length);
    this.#inputEnded = more.length < 2 * wanted - rest.length;
    this.#bits.refill(Buffer.concat([rest, more]));
  }

  /** The library computes on the main thread: lets timers and signals through between blocks. */
  async #breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    throwIfAborted(this.#context.signal);
  }

  #truncated(): FormatError {
    return new FormatError(`${this.#context.what}: the bzip2 data ends early`, this.#input.offset, {
      code: 'ERR_OCIRENDER_TRUNCATED',
    });
  }
}
