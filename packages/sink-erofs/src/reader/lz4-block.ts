/**
 * Decompresses an lz4 block (lz4_Block_format.md) until the output is full.
 *
 * @param input - the block; what comes after the last byte that is needed is not looked at
 * @param output - filled whole
 * @returns false when the block is damaged or too short
 */
export function decompressLz4(input: Uint8Array, output: Uint8Array): boolean {
  let at = 0;
  let done = 0;
  while (at < input.length) {
    const token = input[at++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= input.length) return false;
        more = input[at++] as number;
        literals += more;
      }
    }
    literals = Math.min(literals, output.length - done);
    if (at + literals > input.length) return false;
    output.set(input.subarray(at, at + literals), done);
    at += literals;
    done += literals;
    if (done === output.length) return true;
    if (at + 2 > input.length) return false;
    const distance = (input[at] as number) | ((input[at + 1] as number) << 8);
    at += 2;
    if (distance === 0 || distance > done) return false;
    let match = (token & 15) + 4;
    if (match === 19) {
      let more = 255;
      while (more === 255) {
        if (at >= input.length) return false;
        more = input[at++] as number;
        match += more;
      }
    }
    const end = Math.min(done + match, output.length);
    if (distance >= end - done) {
      output.copyWithin(done, done - distance, end - distance);
      done = end;
    } else {
      for (; done < end; done++) output[done] = output[done - distance] as number;
    }
    if (done === output.length) return true;
  }
  return false;
}
