/**
 * Copies bytes that were written before; the copy may overlap what it writes, which repeats a pattern.
 *
 * @param output - holds source and target
 * @param to - where the copy goes
 * @param distance - how far back it comes from, at most `to`
 * @param length - in bytes, within the output
 * @returns the position behind the copy
 */
export function copyMatch(output: Uint8Array, to: number, distance: number, length: number): number {
  if (length > 32 && distance >= length) {
    output.copyWithin(to, to - distance, to - distance + length);
    return to + length;
  }
  if (length > 32 && distance === 1) {
    output.fill(output[to - 1] as number, to, to + length);
    return to + length;
  }
  const stop = to + length;
  for (let i = to; i < stop; i++) output[i] = output[i - distance] as number;
  return stop;
}
