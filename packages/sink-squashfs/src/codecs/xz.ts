import { type BlockCodec, type CodecSpec, keepSmaller, outputSizeOf } from './block-codec.ts';

interface LzmaLibrary {
  FILTER_LZMA2: string;
  CHECK_CRC32: number;
  Stream: new () => {
    streamEncoder(options: object): void;
    getStream(options: object): NodeJS.ReadWriteStream;
  };
}

/** xz of lzma-native. */
export function xz(spec: CodecSpec, load: (name: string) => unknown): BlockCodec['compress'] {
  const outputSize = outputSizeOf(spec);
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
      stream.on('end', () => resolve(keepSmaller(Buffer.concat(parts), input, output)));
      stream.end(Buffer.from(input));
    });
}
