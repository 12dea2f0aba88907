import type { OptionSchema } from '@ocirender/interface';
import { COMPRESSIONS } from './compression.ts';
import { MAX_BLOCK_SIZE, MIN_BLOCK_SIZE } from './format.ts';

/** Options of the sink, for both engines. */
export const squashfsOptions: OptionSchema = {
  compression: {
    type: 'choice',
    choices: COMPRESSIONS,
    default: 'zstd',
    description: 'Compressor of data and metadata',
  },
  level: {
    type: 'integer',
    min: 0,
    max: 22,
    description:
      'Compression level: zstd 1 to 22 (default 3), gzip 1 to 9 (default 6), xz 0 to 9 (default 6), lz4hc 1 to 12 (default 9)',
  },
  'block-size': {
    type: 'size',
    min: MIN_BLOCK_SIZE,
    max: MAX_BLOCK_SIZE,
    powerOfTwo: true,
    default: 131_072,
    description: 'Size of data blocks, 4K to 1M',
  },
  fragments: {
    type: 'boolean',
    default: true,
    description: 'Pack files smaller than a block together',
  },
  'tail-packing': {
    type: 'boolean',
    default: false,
    description: 'Pack the tails of larger files too (mksquashfs -always-use-fragments)',
  },
  dedupe: {
    type: 'boolean',
    default: true,
    description: 'Store files with equal contents once',
  },
  exports: {
    type: 'boolean',
    default: true,
    description: 'Write the table that lets the image be exported over NFS',
  },
  engine: {
    type: 'choice',
    choices: ['in-process', 'mksquashfs'],
    default: 'in-process',
    description: 'What writes the image: this process, or an external mksquashfs 4.6 or later',
  },
  mksquashfs: {
    type: 'string',
    placeholder: 'PATH',
    description: 'The external program, if it is not to be found in PATH; chooses engine mksquashfs',
  },
};
