import { copyMatch } from './copy-match.ts';

/** Shortest match in bytes; the token counts from here. */
const MIN_MATCH = 4;

/**
 * Decompresses one block (LZ4 block format: sequences of a token, literals, an offset and a match length).
 *
 * @param input - the whole block
 * @param output - where it goes; its length is the limit
 * @returns bytes written
 * @throws Error when the block is damaged or larger than the output
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function decompressLz4(input: Uint8Array, output: Uint8Array): number {
  const end = input.length;
  const room = output.length;
  let at = 0;
  let to = 0;

  // A length of 15 goes on in the bytes that follow, up to and including the first that is not 255.
  const extend = (length: number): number => {
    let sum = length;
    for (;;) {
      if (at >= end) throw new Error('lz4: a length is cut short');
      const byte = input[at++] as number;
      sum += byte;
      if (sum > room) throw new Error('lz4: a length passes the end of the block');
      if (byte !== 255) return sum;
    }
  };

  while (at < end) {
    const token = input[at++] as number;
    let literals = token >> 4;
    if (literals === 15) literals = extend(literals);
    if (literals > end - at) throw new Error('lz4: literals are cut short');
    if (literals > room - to) throw new Error('lz4: the block is too large');
    if (literals > 16) {
      output.set(input.subarray(at, at + literals), to);
      at += literals;
      to += literals;
    } else {
      for (const stop = to + literals; to < stop; ) output[to++] = input[at++] as number;
    }
    // The last sequence has no match.
    if (at === end) return to;

    if (end - at < 2) throw new Error('lz4: an offset is cut short');
    const distance = (input[at] as number) | ((input[at + 1] as number) << 8);
    at += 2;
    let length = token & 15;
    if (length === 15) length = extend(length);
    length += MIN_MATCH;
    if (distance === 0 || distance > to) throw new Error('lz4: an offset leads before the block');
    if (length > room - to) throw new Error('lz4: the block is too large');
    to = copyMatch(output, to, distance, length);
  }
  throw new Error('lz4: the last literals are missing');
}
