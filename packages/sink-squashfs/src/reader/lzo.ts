import { copyMatch } from './copy-match.ts';

/** Where the far matches begin, in bytes; as a match of that very distance it ends the stream. */
const FAR = 16_384;

/** How many literals the last instruction copied decides what an instruction below 16 means: 4 stands for more. */
const MANY_LITERALS = 4;

/**
 * Decompresses one LZO1X stream.
 *
 * @param input - the whole stream
 * @param output - where it goes; its length is the limit
 * @returns bytes written
 * @throws Error when the stream is damaged or larger than the output
 * @see https://docs.kernel.org/staging/lzo.html
 */
export function decompressLzo1x(input: Uint8Array, output: Uint8Array): number {
  const end = input.length;
  const room = output.length;
  let at = 0;
  let to = 0;
  let state = 0;

  const next = (): number => {
    if (at >= end) throw new Error('lzo: the stream is cut short');
    return input[at++] as number;
  };
  // A length of 0 goes on behind the instruction: 255 for each zero byte, then one that is not zero.
  const extend = (base: number): number => {
    let sum = base;
    for (;;) {
      const byte = next();
      if (byte !== 0) return sum + byte;
      sum += 255;
      if (sum > room) throw new Error('lzo: a length passes the end of the block');
    }
  };
  const literals = (length: number): void => {
    if (length > end - at) throw new Error('lzo: literals are cut short');
    if (length > room - to) throw new Error('lzo: the block is too large');
    if (length > 16) {
      output.set(input.subarray(at, at + length), to);
      at += length;
      to += length;
    } else {
      for (const stop = to + length; to < stop; ) output[to++] = input[at++] as number;
    }
  };
  const match = (distance: number, length: number): void => {
    if (distance > to) throw new Error('lzo: a distance leads before the block');
    if (length > room - to) throw new Error('lzo: the block is too large');
    to = copyMatch(output, to, distance, length);
  };

  // The first byte may be a count of literals.
  if (end > 0 && (input[0] as number) > 17) {
    const count = next() - 17;
    literals(count);
    state = Math.min(count, MANY_LITERALS);
  }
  for (;;) {
    const code = next();
    let tail: number;
    if (code >= 64) {
      const length = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
      tail = code;
      match((next() << 3) + ((code >> 2) & 7) + 1, length);
    } else if (code >= 32) {
      const length = 2 + ((code & 31) === 0 ? extend(31) : code & 31);
      tail = next();
      match(((tail >> 2) | (next() << 6)) + 1, length);
    } else if (code >= 16) {
      const length = 2 + ((code & 7) === 0 ? extend(7) : code & 7);
      tail = next();
      const distance = FAR + ((code & 8) << 11) + ((tail >> 2) | (next() << 6));
      if (distance === FAR) {
        if (at !== end) throw new Error('lzo: bytes follow the end');
        return to;
      }
      match(distance, length);
    } else if (state === 0) {
      literals(3 + (code === 0 ? extend(15) : code));
      state = MANY_LITERALS;
      continue;
    } else {
      tail = code;
      const near = (next() << 2) + (code >> 2) + 1;
      if (state === MANY_LITERALS) match(near + 2048, 3);
      else match(near, 2);
    }
    state = tail & 3;
    literals(state);
  }
}
