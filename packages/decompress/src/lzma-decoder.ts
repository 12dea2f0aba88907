import type { Stream } from 'lzma-native';

/** Bytes that liblzma fills at a time. */
const OUTPUT_BYTES = 256 * 1024;

/** What one call of liblzma gave. */
export interface LzmaStep {
  readonly chunks: readonly Uint8Array[];
  /** The end of the stream was decoded. */
  readonly ended: boolean;
  /** Compressed bytes taken since the start of the stream. */
  readonly totalIn: number;
  readonly error: Error | undefined;
}

/** One xz or LZMA-alone stream in liblzma; decoding runs in libuv's pool. */
export class LzmaDecoder {
  readonly #native: Stream;
  #busy: Promise<LzmaStep> | undefined;

  private constructor(native: Stream) {
    this.#native = native;
  }

  /**
   * Loads the library and makes a decoder.
   *
   * @param format - the container
   * @returns a decoder for one stream
   */
  static async open(format: 'xz' | 'lzma'): Promise<LzmaDecoder> {
    const native = new (await import('lzma-native')).default.Stream();
    native.setBufsize(OUTPUT_BYTES);
    if (format === 'xz') native.streamDecoder({});
    else native.aloneDecoder({});
    return new LzmaDecoder(native);
  }

  /**
   * Decodes a slice; to be called again only when that has settled, and not after the end.
   *
   * @param slice - compressed bytes, copied at once; null says that there are no more
   * @returns what came out; it never rejects
   */
  code(slice: Uint8Array | null): Promise<LzmaStep> {
    this.#busy = new Promise((resolve) => {
      const chunks: Uint8Array[] = [];
      let ended = false;
      let failure: Error | undefined;
      this.#native.bufferHandler = (output, processed, error, totalIn) => {
        if (output === null) {
          ended = error === null;
          failure = error ?? undefined;
        } else if (output !== undefined) chunks.push(output);
        // The count of taken inputs comes last, also after an error.
        if (processed !== undefined) resolve({ chunks, ended, totalIn: totalIn ?? 0, error: failure });
      };
      this.#native.code(slice, true);
    });
    return this.#busy;
  }

  /** Frees the dictionary as soon as the library is done with it. */
  close(): void {
    const free = (): void => this.#native.resetUnderlying();
    if (this.#busy === undefined) free();
    else void this.#busy.then(free);
  }
}
