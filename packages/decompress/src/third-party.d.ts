/** The block decoder inside unbzip2-stream 1.4.3: its stream form cannot wait for a consumer. */
declare module 'unbzip2-stream/lib/bzip2.js' {
  /** Gives the next bits, most significant first; with null it goes on at the next whole byte. */
  export type ReadBits = (count: number | null) => number;
  interface Bzip2 {
    /** Reads a stream's header; gives its level, 1 to 9. */
    header(bits: ReadBits): number;
    /** Decodes a block; gives the running CRC, or null at the end of the stream. */
    decompress(
      bits: ReadBits,
      write: (byte: number) => void,
      work: Int32Array,
      workLength: number,
      streamCrc: number,
    ): number | null;
  }
  const bzip2: Bzip2;
  export default bzip2;
}

/** The binding of lzma-native 8.0.6: its stream form cannot wait for a consumer and loses what follows an end. */
declare module 'lzma-native' {
  export class Stream {
    bufferHandler: (
      output: Uint8Array | null | undefined,
      processed: number | undefined,
      error: Error | null | undefined,
      totalIn: number | null,
      totalOut: number | null,
    ) => void;
    setBufsize(bytes: number): number;
    streamDecoder(options: object): void;
    aloneDecoder(options: object): void;
    /** Copies the input; null finishes. */
    code(input: Uint8Array | null, async: boolean): void;
    resetUnderlying(): void;
  }
  const lzma: {
    readonly Stream: typeof Stream;
    compress(input: Uint8Array, options?: object): Promise<Uint8Array>;
    LZMA(): { compress(input: Uint8Array, level: number, done: (output: Uint8Array) => void): void };
  };
  export default lzma;
}
