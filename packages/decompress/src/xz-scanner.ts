import { FormatError, LimitError } from '@ocirender/interface';
import type { CodecContext } from './codec.ts';

/** The .xz file format 1.0.4, https://tukaani.org/xz/xz-file-format.txt. */
const HEADER_SIZE = 12;
const FOOTER_SIZE = 12;
const FILTER_LZMA2 = 0x21;
const FILTERS_MAX = 4;
const DICTIONARY_MAX_CODE = 40;
/** Decompressed bytes after which a slice ends. */
const SLICE_OUTPUT = 1024 * 1024;

/** Asks for bytes: few that are looked at, or any number that are passed over. */
type Wish = { readonly take: number } | { readonly skip: number };

/**
 * Follows the structure of one xz stream, down to the LZMA2 chunks, so that its end is known and each slice
 * decompresses to little more than 1 MiB. Checks are left to liblzma.
 */
export class XzScanner {
  /** The stream is complete. */
  done = false;
  readonly #context: CodecContext;
  readonly #walk: Generator<Wish, void, Uint8Array>;
  #taken: number[] = [];
  #wish: Wish;
  #left: number;
  #output = 0;
  #offset = 0;

  constructor(context: CodecContext) {
    this.#context = context;
    this.#walk = this.#stream();
    this.#wish = this.#walk.next().value as Wish;
    this.#left = HEADER_SIZE;
  }

  /**
   * Goes over more bytes of the stream.
   *
   * @param bytes - the bytes that follow those seen before
   * @param offset - where they are in the input, for messages
   * @returns how many of them to decompress now, at least 1
   */
  scan(bytes: Uint8Array, offset: number): number {
    this.#output = 0;
    let at = 0;
    while (at < bytes.length && !this.done && this.#output < SLICE_OUTPUT) {
      const length = Math.min(this.#left, bytes.length - at);
      if ('take' in this.#wish) for (let i = 0; i < length; i++) this.#taken.push(bytes[at + i]!);
      at += length;
      this.#left -= length;
      this.#offset = offset + at;
      while (this.#left === 0 && !this.done) this.#advance();
    }
    return at;
  }

  #advance(): void {
    const step = this.#walk.next(Uint8Array.from(this.#taken));
    this.#taken = [];
    if (step.done === true) {
      this.done = true;
      return;
    }
    this.#wish = step.value;
    this.#left = 'take' in step.value ? step.value.take : step.value.skip;
  }

  /** Section 2.1: header, blocks, index, footer. */
  *#stream(): Generator<Wish, void, Uint8Array> {
    const header = yield { take: HEADER_SIZE };
    const checkSize = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][header[7]! & 0x0f]!;
    for (;;) {
      const size = (yield { take: 1 })[0]!;
      if (size === 0) break;
      yield* this.#block((size + 1) * 4, checkSize);
    }
    yield* this.#index();
    yield { skip: FOOTER_SIZE };
  }

  /** Section 3. */
  *#block(headerSize: number, checkSize: number): Generator<Wish, void, Uint8Array> {
    this.#checkFilters(yield { take: headerSize - 1 });
    let size = 0;
    for (;;) {
      const control = (yield { take: 1 })[0]!;
      size++;
      if (control === 0) break;
      if (control > 2 && control < 0x80) throw this.#bad('the xz data has a reserved LZMA2 chunk');
      const lengths = yield { take: control < 0x80 ? 2 : 4 };
      const high = control < 0x80 ? 0 : (control & 0x1f) * 65_536;
      this.#output += high + lengths[0]! * 256 + lengths[1]! + 1;
      const properties = control >= 0xc0 ? 1 : 0;
      const packed =
        control < 0x80 ? lengths[0]! * 256 + lengths[1]! + 1 : lengths[2]! * 256 + lengths[3]! + 1;
      yield { skip: properties + packed };
      size += lengths.length + properties + packed;
    }
    yield { skip: ((4 - (size % 4)) % 4) + checkSize };
  }

  /** Section 4; the indicator byte is read already. */
  *#index(): Generator<Wish, void, Uint8Array> {
    let size = 1;
    let numbers = 1;
    for (let i = 0; i < numbers; i++) {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = (yield { take: 1 })[0]!;
        size++;
        if (shift > 56) throw this.#bad('the xz index has too large a number');
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      // The first number counts the records, which have two each.
      if (i === 0) numbers += 2 * value;
    }
    yield { skip: ((4 - (size % 4)) % 4) + 4 };
  }

  /** Section 3.1.5: the last filter must be LZMA2, whose property is the dictionary's size. */
  #checkFilters(header: Uint8Array): void {
    const flags = header[0]!;
    const count = (flags & 3) + 1;
    let at = 1;
    const number = (): number => {
      let value = 0;
      for (let shift = 0; shift <= 56; shift += 7) {
        const byte = header[at++] ?? 0;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
      throw this.#bad('the xz block header has too large a number');
    };
    if ((flags & 0x40) !== 0) number();
    if ((flags & 0x80) !== 0) number();
    for (let i = 0; i < count && i < FILTERS_MAX; i++) {
      const id = number();
      const length = number();
      if (i === count - 1 && (id !== FILTER_LZMA2 || length !== 1)) {
        throw this.#bad(`the xz filter 0x${id.toString(16)} is not supported`);
      }
      if (i === count - 1) this.#checkDictionary(header[at] ?? 0);
      at += length;
    }
  }

  #checkDictionary(code: number): void {
    if (code > DICTIONARY_MAX_CODE) throw this.#bad('the xz dictionary is impossibly large');
    const size =
      code === DICTIONARY_MAX_CODE ? 2 ** 32 - 1 : (2 + (code % 2)) * 2 ** (Math.floor(code / 2) + 11);
    const maximum = this.#context.limits.maxWindowBytes;
    if (size <= maximum) return;
    throw new LimitError(
      'maxWindowBytes',
      maximum,
      `${this.#context.what} needs an xz dictionary of ${size} bytes`,
    );
  }

  #bad(message: string): FormatError {
    return new FormatError(`${this.#context.what}: ${message}`, this.#offset);
  }
}
