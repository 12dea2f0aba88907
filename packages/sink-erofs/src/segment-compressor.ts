import { createLz4hc } from '@ocirender/block-pipeline/lz4hc';
import type { CodecSpec } from './compression.ts';

/** What node:zlib has from Node 22.15 on. */
interface ZstdLibrary {
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
  zstdCompressSync(
    data: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>>; readonly chunkSize: number },
  ): Uint8Array;
}

/** Compresses one segment of a file into clusters of whole blocks. */
export interface SegmentCompressor {
  /**
   * @param input - the segment
   * @param output - gets the blocks; as long as the segment, rounded up to blocks
   * @param extents - gets pairs: bytes of the segment, and blocks; 0 blocks = one block that holds the bytes as they are
   * @returns number of blocks
   */
  compress(input: Uint8Array, output: Uint8Array, extents: number[]): number;
}

/**
 * Makes a compressor.
 *
 * A cluster is filled with as many bytes as compress into it, as the format wants it. zlib and zstd are asked several
 * times for the right number; of what lz4 makes, as many sequences are kept as fit; lz4hc stops when it is full.
 *
 * @param spec - which compressor
 * @param load - `require`
 */
export function createSegmentCompressor(spec: CodecSpec, load: (name: string) => unknown): SegmentCompressor {
  const blockSize = 4096;
  const { clusterSize, level } = spec;

  type Fit = { length: number; bytes: Uint8Array };

  // What a prefix of some bytes compresses to, for compressors that take only whole inputs.
  const trial = (): ((input: Uint8Array) => Uint8Array) => {
    const zlib = load(spec.module) as typeof import('node:zlib');
    if (spec.kind === 'deflate')
      return (input) => zlib.deflateRawSync(input, { level, windowBits: 15, memLevel: 9, chunkSize: 65_536 });
    const zstd = load(spec.module) as ZstdLibrary;
    const params = { [zstd.constants.ZSTD_c_compressionLevel]: level };
    return (input) => zstd.zstdCompressSync(input, { params, chunkSize: 65_536 });
  };

  const search = (): ((input: Uint8Array, ratio: number) => Fit | undefined) => {
    const compress = trial();
    return (input, ratio) => {
      let best: Fit | undefined;
      let low = 0;
      let high = input.length + 1;
      let length = Math.min(input.length, Math.floor(clusterSize * ratio));
      for (let turn = 0; turn < 8 && length > low && length < high; turn++) {
        const bytes = compress(input.subarray(0, length));
        const scale = clusterSize / bytes.length;
        if (bytes.length <= clusterSize) {
          low = length;
          best = { length, bytes };
          if (scale < 1.01) break;
          length = Math.min(high - 1, Math.max(length + 1, Math.floor(length * scale * 0.998)));
        } else {
          high = length;
          length = Math.max(low + 1, Math.floor(length * scale * 0.99));
        }
        if (high - low < 32) break;
      }
      return best;
    };
  };

  // Cuts an lz4 block after the last sequence that leaves room for the end that the format wants: at least 5 literals,
  // the last match 12 bytes before the end (lz4_Block_format.md, "End of block conditions").
  const cut = (block: Uint8Array, input: Uint8Array): Fit | undefined => {
    let at = 0;
    let decoded = 0;
    let keep = 0;
    let kept = 0;
    let most = 0;
    while (at < block.length) {
      const token = block[at++] as number;
      let literals = token >> 4;
      if (literals === 15) {
        let more = 255;
        while (more === 255) literals += more = block[at++] as number;
      }
      at += literals;
      decoded += literals;
      if (at >= block.length) break;
      const start = decoded;
      at += 2;
      let match = (token & 15) + 4;
      if (match === 19) {
        let more = 255;
        while (more === 255) match += more = block[at++] as number;
      }
      decoded += match;
      if (at > clusterSize) break;
      const least = Math.max(5, start + 12 - decoded);
      const room = roomFor(clusterSize - at);
      if (room < least || decoded + least > input.length) continue;
      keep = at;
      kept = decoded;
      most = Math.min(room, input.length - decoded);
    }
    if (keep === 0) return undefined;
    const long = most < 15 ? 0 : 1 + Math.floor((most - 15) / 255);
    const bytes = new Uint8Array(keep + 1 + long + most);
    bytes.set(block.subarray(0, keep));
    bytes[keep] = Math.min(most, 15) << 4;
    if (long > 0) {
      bytes.fill(255, keep + 1, keep + long);
      bytes[keep + long] = (most - 15) % 255;
    }
    bytes.set(input.subarray(kept, kept + most), keep + 1 + long);
    return { length: kept + most, bytes };
  };

  // Literals that a last sequence of so many bytes holds.
  const roomFor = (bytes: number): number => {
    if (bytes <= 16) return Math.min(bytes - 1, 14);
    // Beyond 15 each 255 literals take one byte more to count them.
    const beyond = bytes - 17;
    return 15 + beyond - Math.floor((beyond + 1) / 256);
  };

  const lz4 = (): ((input: Uint8Array, ratio: number) => Fit | undefined) => {
    const library = load(spec.module) as { compressSync(data: Uint8Array): Uint8Array };
    return (input, ratio) => {
      for (let length = Math.floor(clusterSize * ratio * 1.2) + 4096; ; length *= 2) {
        const window = input.subarray(0, Math.min(length, input.length));
        // Four bytes tell the size first.
        const block = library.compressSync(window).subarray(4);
        if (block.length > clusterSize) return cut(block, window);
        if (window.length === input.length) return { length: window.length, bytes: block };
      }
    };
  };

  const makeFit = (): ((input: Uint8Array, ratio: number) => Fit | undefined) => {
    if (spec.kind === 'lz4') return lz4();
    return spec.kind === 'lz4hc' ? createLz4hc(level, clusterSize) : search();
  };
  const fit = makeFit();

  const compress = (input: Uint8Array, output: Uint8Array, extents: number[]): number => {
    let blocks = 0;
    let ratio = 2;
    const plain = (from: number, end: number): number => {
      let at = from;
      while (at < end) {
        const next = Math.min(at + blockSize, end);
        output.set(input.subarray(at, next), blocks * blockSize);
        output.fill(0, blocks * blockSize + next - at, (blocks + 1) * blockSize);
        extents.push(next - at, 0);
        blocks++;
        at = next;
      }
      return at;
    };
    for (let at = 0; at < input.length; ) {
      const rest = input.subarray(at);
      // One block holds it either way.
      const found = rest.length <= blockSize ? undefined : fit(rest, ratio);
      const count = found === undefined ? 0 : Math.ceil(found.bytes.length / blockSize);
      // A first byte of 0 would be taken for padding.
      if (found === undefined || found.length <= count * blockSize || found.bytes[0] === 0) {
        at = plain(at, Math.min(input.length, at + clusterSize));
        continue;
      }
      const end = (blocks + count) * blockSize;
      output.fill(0, blocks * blockSize, end - found.bytes.length);
      output.set(found.bytes, end - found.bytes.length);
      extents.push(found.length, count);
      blocks += count;
      at += found.length;
      ratio = Math.min(64, found.length / found.bytes.length);
    }
    return blocks;
  };
  return { compress };
}
