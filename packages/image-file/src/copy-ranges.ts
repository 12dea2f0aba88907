import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readAt, readRange } from '@ocirender/interface';

/** Numbers of a range: descriptor, position, size, CRC-32, and where it goes in the output. */
export const RANGE_NUMBERS = 5;

/** Memory that copies go through. */
export const COPY_BUFFER: number = 1024 * 1024;

/**
 * Copies ranges of files into an output, and checks them. What lies side by side in both is moved at one go.
 *
 * @param ranges - {@link RANGE_NUMBERS} for each
 * @param output - descriptor of the output
 * @param buffer - of {@link COPY_BUFFER} bytes
 * @returns the first range that is not what its CRC-32 says; undefined when all are
 * @throws system errors
 */
export function copyRanges(ranges: Float64Array, output: number, buffer: Uint8Array): number | undefined {
  const count = ranges.length / RANGE_NUMBERS;
  for (let first = 0; first < count; ) {
    const run = runFrom(ranges, first, buffer.length);
    const damaged =
      run > 1 ? copyRun(ranges, first, run, output, buffer) : copyOne(ranges, first, output, buffer);
    if (damaged !== undefined) return damaged;
    first += run;
  }
  return undefined;
}

/** Number of ranges, at least 1, that lie side by side and fit into the buffer together. */
function runFrom(ranges: Float64Array, first: number, room: number): number {
  let at = first * RANGE_NUMBERS;
  let left = room - ranges[at + 2]!;
  let count = 1;
  for (let next = at + RANGE_NUMBERS; next < ranges.length; at = next, next += RANGE_NUMBERS) {
    const size = ranges[at + 2]!;
    const isBeside =
      ranges[next] === ranges[at] &&
      ranges[next + 1] === ranges[at + 1]! + size &&
      ranges[next + 4] === ranges[at + 4]! + size;
    left -= ranges[next + 2]!;
    if (!isBeside || left < 0) break;
    count++;
  }
  return count;
}

function copyRun(
  ranges: Float64Array,
  first: number,
  count: number,
  output: number,
  buffer: Uint8Array,
): number | undefined {
  const at = first * RANGE_NUMBERS;
  const last = at + (count - 1) * RANGE_NUMBERS;
  const bytes = buffer.subarray(0, ranges[last + 1]! + ranges[last + 2]! - ranges[at + 1]!);
  const got = readAt(ranges[at]!, bytes, ranges[at + 1]!);
  let from = 0;
  for (let range = first; range < first + count; range++) {
    const size = ranges[range * RANGE_NUMBERS + 2]!;
    from += size;
    if (from > got || crc32(bytes.subarray(from - size, from)) !== ranges[range * RANGE_NUMBERS + 3])
      return range;
  }
  writeAt(output, bytes, ranges[at + 4]!);
  return undefined;
}

/** Copies a range of any size. */
function copyOne(
  ranges: Float64Array,
  range: number,
  output: number,
  buffer: Uint8Array,
): number | undefined {
  const at = range * RANGE_NUMBERS;
  const from = {
    fd: ranges[at]!,
    position: ranges[at + 1]!,
    size: ranges[at + 2]!,
    crc32: ranges[at + 3]!,
  };
  const to = ranges[at + 4]!;
  const isRight = readRange(from, buffer, (bytes, done) => writeAt(output, bytes, to + done));
  return isRight ? undefined : range;
}

function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
