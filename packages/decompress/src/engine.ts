/** Drives a decompressor of `node:zlib` slice by slice, so that positions are known. */
export interface DecompressionEngine {
  /** Bytes that the decompressor has taken in. */
  readonly consumed: number;
  /** Bytes that have come out of it. */
  readonly produced: number;
  /**
   * Has one slice decompressed.
   *
   * @param slice - compressed bytes, unchanged until this settles
   * @returns how many of them were taken: fewer than all when the decompressor saw the end
   * @throws what zlib says about bad data; `ERR_OCIRENDER_ABORTED` when the consumer has stopped meanwhile
   */
  write(slice: Uint8Array): number | Promise<number>;
  /** Makes sure that a failure of a later write cannot lose what is decompressed. */
  collect(): void;
  /**
   * Runs `feed`, which writes, and gives what comes out of it, if it does not go elsewhere.
   *
   * @param feed - writes everything; its error ends the output
   * @param signal - aborts
   * @returns decompressed chunks
   */
  run(feed: () => Promise<void>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array>;
}
