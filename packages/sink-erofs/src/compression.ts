import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { OcirenderError } from '@ocirender/interface';

/** Compressors that the writer knows. */
export const COMPRESSIONS = ['none', 'lz4', 'lz4hc', 'deflate', 'zstd'] as const;

/** How data is compressed. */
export type Compression = (typeof COMPRESSIONS)[number];

/** Numbers of the compressors in the format (`Z_EROFS_COMPRESSION_*`). What lz4hc makes is lz4. */
export const ALGORITHM = { lz4: 0, lz4hc: 0, lzma: 1, deflate: 2, zstd: 3 } as const;

/** Smallest and largest size of a compressed cluster in bytes. */
export const MIN_CLUSTER_SIZE = 4096;
export const MAX_CLUSTER_SIZE: number = 1024 * 1024;

/** What a worker needs in order to compress. */
export interface CodecSpec {
  readonly kind: Exclude<Compression, 'none'>;
  readonly level: number;
  /** Most bytes of a compressed cluster. */
  readonly clusterSize: number;
  /** Where the library is; lz4hc has none. */
  readonly module: string;
}

const LEVELS = { lz4: [1, 1, 1], lz4hc: [1, 9, 12], deflate: [1, 6, 9], zstd: [1, 3, 22] } as const;

/**
 * Checks a choice of compression.
 *
 * @param compression - which
 * @param level - how hard; undefined = the compressor's default
 * @param clusterSize - most bytes of a compressed cluster
 * @param blockSize - bytes of a block
 * @returns undefined for no compression
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` for what does not go together
 */
export function planCompression(
  compression: Compression,
  level: number | undefined,
  clusterSize: number,
  blockSize: number,
): CodecSpec | undefined {
  if (compression === 'none') {
    if (level === undefined) return undefined;
    throw invalid('compression "none" has no level');
  }
  if (blockSize !== MIN_CLUSTER_SIZE) throw invalid(`compression wants blocks of ${MIN_CLUSTER_SIZE} bytes`);
  const [least, usual, most] = LEVELS[compression];
  const chosen = level ?? usual;
  if (chosen < least || chosen > most)
    throw invalid(`level ${chosen} does not exist for ${compression}: it has ${least} to ${most}`);
  if (compression === 'zstd' && !('zstdCompressSync' in zlib)) {
    throw new OcirenderError(
      'ERR_OCIRENDER_SINK_EROFS_COMPRESSOR',
      `Node.js ${process.versions.node} has no zstd`,
      { hint: 'Use Node.js 22.15 or later, or -O compression=deflate.' },
    );
  }
  const module = compression === 'lz4' ? createRequire(import.meta.url).resolve('lz4-napi') : 'node:zlib';
  return { kind: compression, level: chosen, clusterSize, module };
}

/**
 * Encodes what the superblock says of a compressor behind its fixed part: a length and a record each
 * (`z_erofs_lz4_cfgs` and its like).
 *
 * @param spec - the only compressor in the image
 */
export function encodeCompressorConfig({ kind, clusterSize }: CodecSpec): Uint8Array {
  if (ALGORITHM[kind] === ALGORITHM.lz4) {
    const config = Buffer.alloc(16);
    config.writeUInt16LE(14, 0);
    config.writeUInt16LE(0xffff, 2);
    config.writeUInt16LE(clusterSize / MIN_CLUSTER_SIZE, 4);
    return config;
  }
  const config = Buffer.alloc(8);
  config.writeUInt16LE(6, 0);
  // Windows: 2^15 bytes for deflate; 2^(10 + 10) for zstd, which is all that one segment holds.
  if (kind === 'deflate') config[2] = 15;
  else config[3] = 10;
  return config;
}

function invalid(message: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', message);
}
