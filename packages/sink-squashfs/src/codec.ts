/** What a thread needs to know to compress blocks; plain data, so that it can be posted to a worker. */
export interface CodecSpec {
  /** The library: `zstd-native` is node:zlib's, `zstd-module` the package `@mongodb-js/zstd`. */
  readonly kind: 'zstd-native' | 'zstd-module' | 'gzip' | 'xz' | 'none';
  /** Compression level as the library counts. */
  readonly level: number;
  /** Largest block that will be compressed, in bytes. */
  readonly blockSize: number;
  /** Absolute path of the module that `zstd-module` and `xz` load. */
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

interface ZstdLibrary {
  constants: { ZSTD_c_compressionLevel: number; ZSTD_e_end: number };
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
  createZstdCompress(options: object): ZstdStream;
}

/** The parts of a node:zlib stream that a reused context needs; undocumented, hence probed before use. */
export interface ZstdStream {
  _handle: {
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
  /** Room left in the output, input left. */
  _writeState: Uint32Array;
  on(event: 'error', listener: () => void): void;
}

interface LzmaLibrary {
  FILTER_LZMA2: string;
  CHECK_CRC32: number;
  Stream: new () => {
    streamEncoder(options: object): void;
    getStream(options: object): NodeJS.ReadWriteStream;
  };
}

/**
 * Makes a block codec.
 *
 * The function runs on the main thread and, as text, in worker threads (see worker-source.ts). Therefore it
 * uses nothing from outside its own body: no import, no helper, no constant of this module.
 *
 * @param spec - which codec
 * @param load - `require` of a CommonJS module or of a `createRequire`
 * @returns the codec
 */
export function createCodec(spec: CodecSpec, load: (name: string) => unknown): BlockCodec {
  // zstd writes straight into the output only when that can hold its worst case.
  const outputSize = spec.blockSize + (spec.blockSize >> 8) + 1024;
  const keep = (result: Uint8Array, input: Uint8Array, output: Uint8Array): number => {
    if (result.length >= input.length) return 0;
    output.set(result);
    return result.length;
  };

  const nativeZstd = (): BlockCodec['compress'] => {
    const zlib = load('node:zlib') as ZstdLibrary;
    const options = {
      params: { [zlib.constants.ZSTD_c_compressionLevel]: spec.level },
      chunkSize: outputSize,
    };
    const oneShot = (input: Uint8Array, output: Uint8Array): number =>
      keep(zlib.zstdCompressSync(input, options), input, output);
    // A one-shot call makes and frees a context of a megabyte, some 0.15 ms a block. One context for all blocks
    // gives the same bytes (zstd starts afresh after each frame); it needs node:zlib's own handle, so it is
    // taken only when it proves itself on a sample.
    const probe = new Uint8Array(Math.min(spec.blockSize, 8192));
    for (let i = 0; i < probe.length; i++) probe[i] = (i * i) >> 9;
    try {
      const stream = zlib.createZstdCompress(options);
      const handle = stream._handle;
      const state = stream._writeState;
      stream.on('error', () => {});
      const reused = (input: Uint8Array, output: Uint8Array): number => {
        state[0] = 0xffff_ffff;
        handle.writeSync(zlib.constants.ZSTD_e_end, input, 0, input.length, output, 0, outputSize);
        const left = state[0] as number;
        if (left === 0 || left > outputSize || state[1] !== 0)
          throw new Error('zstd could not compress a block');
        const written = outputSize - left;
        return written < input.length ? written : 0;
      };
      const a = new Uint8Array(outputSize);
      const b = new Uint8Array(outputSize);
      for (const length of [probe.length, 100, probe.length, 1]) {
        const sample = probe.subarray(0, length);
        const size = oneShot(sample, a);
        if (reused(sample, b) !== size) return oneShot;
        for (let i = 0; i < size; i++) if (a[i] !== b[i]) return oneShot;
      }
      return reused;
    } catch {
      return oneShot;
    }
  };

  const moduleZstd = (): BlockCodec['compress'] => {
    const library = load(spec.module as string) as { compress(data: Uint8Array): Promise<Uint8Array> };
    return async (input, output) => {
      // The library may still read its input when this thread is ended: give it memory of its own.
      const frame = await library.compress(Buffer.from(input));
      // It writes frames of unknown size with a 2 MiB window, which the kernel refuses: it has room for one
      // block. Said instead: one segment of exactly this size (RFC 8878, 3.1.1.1).
      const streamed = frame[4] === 0;
      let length = streamed ? frame.length + 3 : frame.length;
      if (length - 3 >= input.length) return 0;
      output.set(frame);
      if (streamed) {
        output.set(frame.subarray(6), 9);
        output[4] = 0xa0;
        for (let i = 0; i < 4; i++) output[5 + i] = (input.length >>> (8 * i)) & 0xff;
      }
      // Behind a full block of 128 KiB it writes an empty last one. The kernel gives up when a page ends within those
      // three bytes, for by then it has no more room for output; so the block before becomes the last one.
      const descriptor = output[4] as number;
      const isSingle = (descriptor & 0x20) !== 0;
      const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
      const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
      let at = 5 + (isSingle ? 0 : 1) + dictionary + size;
      for (let before = -1; at + 3 <= length; ) {
        const low = output[at] as number;
        const bytes = (low >> 3) | ((output[at + 1] as number) << 5) | ((output[at + 2] as number) << 13);
        if ((low & 1) !== 0) {
          if (bytes === 0 && before >= 0) {
            output[before] = (output[before] as number) | 1;
            length -= 3;
          }
          break;
        }
        before = at;
        at += 3 + (((low >> 1) & 3) === 1 ? 1 : bytes);
      }
      if (length >= input.length) return 0;
      return length;
    };
  };

  const gzip = (): BlockCodec['compress'] => {
    const zlib = load('node:zlib') as typeof import('node:zlib');
    const options = { level: spec.level, chunkSize: outputSize };
    return (input, output) => keep(zlib.deflateSync(input, options), input, output);
  };

  const xz = (): BlockCodec['compress'] => {
    const lzma = load(spec.module as string) as LzmaLibrary;
    // A preset would bring its own dictionary, larger than what the kernel sets aside: one block. So these are
    // the presets of xz(1) spelled out: mode (1 fast, 2 normal), match finder (3 hc3, 4 hc4, 20 bt4), nice
    // length, depth. 6 to 9 differ in the dictionary only.
    const presets = [
      [1, 3, 128, 4],
      [1, 4, 128, 8],
      [1, 4, 273, 24],
      [1, 4, 273, 48],
      [2, 20, 16, 0],
      [2, 20, 32, 0],
    ];
    const [mode, mf, niceLen, depth] = presets[spec.level] ?? [2, 20, 64, 0];
    const dictSize = Math.max(spec.blockSize, 8192);
    const filter = { id: lzma.FILTER_LZMA2, options: { dictSize, mode, mf, niceLen, depth } };
    return (input, output) =>
      new Promise((resolve, reject) => {
        const encoder = new lzma.Stream();
        encoder.streamEncoder({ filters: [filter], check: lzma.CHECK_CRC32 });
        const stream = encoder.getStream({ synchronous: true, bufsize: outputSize });
        const parts: Uint8Array[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('error', reject);
        stream.on('end', () => resolve(keep(Buffer.concat(parts), input, output)));
        stream.end(Buffer.from(input));
      });
  };

  const kinds: Record<CodecSpec['kind'], () => BlockCodec['compress']> = {
    'zstd-native': nativeZstd,
    'zstd-module': moduleZstd,
    gzip,
    xz,
    none: () => () => 0,
  };
  return { outputSize, compress: kinds[spec.kind]() };
}
