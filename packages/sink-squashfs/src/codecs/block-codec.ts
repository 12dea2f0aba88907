/** What a thread needs to know to compress blocks; plain data, so that it can be posted to a worker. */
export interface CodecSpec {
  /** The library: `zstd-native` is node:zlib's, `zstd-module` the package `@mongodb-js/zstd`. */
  readonly kind: 'zstd-native' | 'zstd-module' | 'gzip' | 'xz' | 'lz4' | 'lz4hc' | 'none';
  /** Compression level as the library counts. */
  readonly level: number;
  /** Largest block that will be compressed, in bytes. */
  readonly blockSize: number;
  /** Absolute path of the module that `zstd-module`, `xz` and `lz4` load. */
  readonly module?: string;
}

/** Compresses blocks one at a time. */
export interface BlockCodec {
  /** Size that `output` must have, in bytes. */
  readonly outputSize: number;
  /**
   * Compresses one block.
   *
   * @param input - the block
   * @param output - where the result goes
   * @returns bytes written, fewer than the block has; 0 when compression does not shrink it
   */
  compress(input: Uint8Array, output: Uint8Array): number | Promise<number>;
}

/** Size of an output in bytes: zstd writes straight into it only when it can hold the worst case. */
export function outputSizeOf({ blockSize }: CodecSpec): number {
  return blockSize + (blockSize >> 8) + 1024;
}

/** Copies a result to the output if it is smaller than the input; gives its length, else 0. */
export function keepSmaller(result: Uint8Array, input: Uint8Array, output: Uint8Array): number {
  if (result.length >= input.length) return 0;
  output.set(result);
  return result.length;
}
