import { FormatError } from '@ocirender/interface';

/** Longest block: level 9. */
const MAX_LENGTH = 900_000;

/**
 * Makes the array in which the block decoder of unbzip2-stream works.
 *
 * That decoder counts the length of a run in 32 bits; a hostile run makes it negative, and the decoder then
 * stores for ever. Its stores go past the end of the array, where a setter behind the elements throws.
 *
 * @param length - bytes in a block, at most 900,000
 * @returns an array of zeros that refuses to grow
 */
export function bzip2WorkArea(length: number): number[] {
  const area = new Array<number>(Math.min(length, MAX_LENGTH)).fill(0);
  const guard = Object.create(Array.prototype) as object;
  Object.defineProperty(guard, area.length, {
    set(): void {
      throw new FormatError('a run of bytes is longer than its bzip2 block', 0);
    },
  });
  return Object.setPrototypeOf(area, guard) as number[];
}
