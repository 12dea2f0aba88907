import type { OptionSchema } from '@ocirender/interface';
import { COMPRESSIONS, MAX_CLUSTER_SIZE, MIN_CLUSTER_SIZE } from './compression.ts';
import { MAX_WRITTEN_BLOCK_SIZE, MIN_BLOCK_SIZE } from './format.ts';

/** Options of the sink. */
export const erofsOptions: OptionSchema = {
  'block-size': {
    type: 'size',
    min: MIN_BLOCK_SIZE,
    max: MAX_WRITTEN_BLOCK_SIZE,
    powerOfTwo: true,
    default: 4096,
    description: 'Size of blocks; smaller ones than 4K mount from Linux 6.4 on',
  },
  compression: {
    type: 'choice',
    choices: COMPRESSIONS,
    default: 'none',
    description:
      'Compressor of files; none, lz4 and lz4hc (smaller, slower) mount from Linux 5.15, deflate wants 6.6, zstd 6.10 (and Node.js 22.15)',
  },
  level: {
    type: 'integer',
    min: 1,
    max: 22,
    description: 'Compression level: lz4hc 1 to 12 (default 9), deflate 1 to 9 (6), zstd 1 to 22 (3)',
  },
  'cluster-size': {
    type: 'size',
    min: MIN_CLUSTER_SIZE,
    max: MAX_CLUSTER_SIZE,
    powerOfTwo: true,
    default: 65_536,
    description:
      'Most bytes of a compressed cluster, 4K to 1M: larger ones are smaller in sum, and slower to read from',
  },
  dedupe: {
    type: 'boolean',
    default: true,
    description: 'Store equal data once, zeros as holes; files in several places need Linux 5.15',
  },
  label: { type: 'string', placeholder: 'TEXT', description: 'Volume label, at most 15 bytes' },
  uuid: {
    type: 'string',
    placeholder: 'UUID',
    description: 'UUID of the volume; by default one derived from the layers',
  },
};
