import type { BlockCodec, CodecSpec } from './block-codec.ts';

/** zstd of the package `@mongodb-js/zstd`, where node:zlib has none. */
export function zstdModule(spec: CodecSpec, load: (name: string) => unknown): BlockCodec['compress'] {
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
}
