/**
 * The parts of a `node:zlib` stream that it takes to call zlib or zstd at once, into memory of one's own. They are not
 * documented: whoever uses them tries them on a sample first, and has another way.
 */
export interface ZlibInternals {
  readonly _handle: {
    /** Called by `writeSync` instead of throwing. */
    onerror: (message: string, errno: number, code: string) => void;
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
  };
  /** After a call: room left in the output, input left. */
  readonly _writeState: Uint32Array;
}
