import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { OcirenderError } from '@ocirender/interface';
import { ByteWriter } from './byte-writer.ts';
import type { CodecSpec } from './codec.ts';
import { type COMPRESSOR, FLAG, METADATA_RAW, SUPERBLOCK_SIZE } from './format.ts';

/** The compressors that this package writes. */
export const COMPRESSIONS = ['zstd', 'gzip', 'xz', 'lz4', 'lz4hc', 'none'] as const;

/** One of {@link COMPRESSIONS}. */
export type Compression = (typeof COMPRESSIONS)[number];

interface LevelRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
  /** The level that readers assume where the image has no compressor options. */
  readonly implied: number;
}

/** Levels of each compressor. gzip 6 is 0.4 % larger than mksquashfs's 9 and four times as fast. */
const LEVELS: Readonly<Record<Exclude<Compression, 'none'>, LevelRange>> = {
  zstd: { min: 1, max: 22, default: 3, implied: 15 },
  gzip: { min: 1, max: 9, default: 6, implied: 9 },
  xz: { min: 0, max: 9, default: 6, implied: 6 },
  lz4: { min: 1, max: 1, default: 1, implied: Number.NaN },
  lz4hc: { min: 1, max: 12, default: 9, implied: Number.NaN },
};

/** The only level of the zstd that serves where node:zlib has none. */
const MODULE_ZSTD_LEVEL = 3;

/** lz4's options, without which Linux does not mount the image: the version of its format, and a flag (format.adoc, "LZ4"). */
const LZ4_LEGACY = 1;
const LZ4_HC = 1;

const NONE_FLAGS =
  FLAG.inodesUncompressed |
  FLAG.dataUncompressed |
  FLAG.fragmentsUncompressed |
  FLAG.xattrsUncompressed |
  FLAG.idsUncompressed;

/** A compressor with everything that follows from its choice. */
export interface CompressionPlan {
  readonly codec: CodecSpec;
  /** The compressor for the superblock. */
  readonly compressorName: keyof typeof COMPRESSOR;
  /** Flags for the superblock. */
  readonly flags: number;
  /** The compressor options block that goes right after the superblock; may be empty. */
  readonly options: Uint8Array;
  /** Where data begins, in bytes. */
  readonly dataStart: number;
}

/**
 * Settles how blocks are compressed.
 *
 * @param compression - which compressor
 * @param level - undefined for the compressor's default
 * @param blockSize - of data blocks, in bytes
 * @returns the plan
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` for a level that the compressor does not have, here
 */
export function planCompression(
  compression: Compression,
  level: number | undefined,
  blockSize: number,
): CompressionPlan {
  if (compression === 'none') {
    if (level !== undefined)
      throw invalid('compression "none" has no level', 'Leave the option "level" out.');
    // Readers want a compressor's name even if nothing is compressed; every reader has gzip.
    const codec: CodecSpec = { kind: 'none', level: 0, blockSize };
    return plan(codec, 'gzip', NONE_FLAGS, undefined);
  }
  const range = LEVELS[compression];
  const chosen = level ?? range.default;
  if (!Number.isInteger(chosen) || chosen < range.min || chosen > range.max) {
    throw invalid(`level ${chosen} does not exist for ${compression}: it has ${range.min} to ${range.max}`);
  }
  const codec = codecSpec(compression, chosen, blockSize);
  // xz options speak of filters and the dictionary only; without them the dictionary is one block.
  const options =
    compression === 'xz' || chosen === range.implied ? undefined : optionsBlock(compression, chosen);
  return plan(codec, compression === 'lz4hc' ? 'lz4' : compression, 0, options);
}

function plan(
  codec: CodecSpec,
  compressorName: keyof typeof COMPRESSOR,
  flags: number,
  options: Uint8Array | undefined,
): CompressionPlan {
  return {
    codec,
    compressorName,
    flags: options === undefined ? flags : flags | FLAG.compressorOptions,
    options: options ?? new Uint8Array(0),
    dataStart: SUPERBLOCK_SIZE + (options?.length ?? 0),
  };
}

function codecSpec(compression: Exclude<Compression, 'none'>, level: number, blockSize: number): CodecSpec {
  const { resolve } = createRequire(import.meta.url);
  if (compression === 'gzip' || compression === 'lz4hc') return { kind: compression, level, blockSize };
  if (compression === 'lz4') return { kind: 'lz4', level, blockSize, module: resolve('lz4-napi') };
  if (compression === 'xz') return { kind: 'xz', level, blockSize, module: resolve('lzma-native') };
  if ('zstdCompressSync' in zlib) return { kind: 'zstd-native', level, blockSize };
  if (level !== MODULE_ZSTD_LEVEL) {
    throw invalid(
      `zstd level ${level} needs Node.js 22.15 or later: on ${process.version} only level ${MODULE_ZSTD_LEVEL} can be had`,
      'Leave the option "level" out, or use a newer Node.js.',
    );
  }
  return { kind: 'zstd-module', level, blockSize, module: resolve('@mongodb-js/zstd') };
}

/** Encodes compressor options (format.adoc, "Compression Options"): one raw metadata block. */
function optionsBlock(compression: 'zstd' | 'gzip' | 'lz4' | 'lz4hc', level: number): Uint8Array {
  const out = new ByteWriter();
  if (compression === 'lz4' || compression === 'lz4hc')
    return out
      .u16(METADATA_RAW | 8)
      .u32(LZ4_LEGACY)
      .u32(compression === 'lz4hc' ? LZ4_HC : 0)
      .view();
  if (compression === 'zstd')
    return out
      .u16(METADATA_RAW | 4)
      .u32(level)
      .view();
  // Window 15 bits, no strategies but the default one.
  return out
    .u16(METADATA_RAW | 8)
    .u32(level)
    .u16(15)
    .u16(0)
    .view();
}

function invalid(message: string, hint?: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', message, hint === undefined ? {} : { hint });
}
