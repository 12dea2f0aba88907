import type { OptionSchema } from '@ocirender/interface';
import { MAX_BLOCK_SIZE, MIN_BLOCK_SIZE } from './format.ts';

/** Options of the sink. */
export const erofsOptions: OptionSchema = {
  'block-size': {
    type: 'size',
    min: MIN_BLOCK_SIZE,
    max: MAX_BLOCK_SIZE,
    powerOfTwo: true,
    default: 4096,
    description:
      'Size of blocks; Linux mounts 4K (before 6.4: its page size only; since then: 512 to its page size)',
  },
  dedupe: {
    type: 'boolean',
    default: true,
    description: 'Store equal data once, zeros as holes; files in several places need Linux 5.15',
  },
  label: { type: 'string', placeholder: 'TEXT', description: 'Volume label, at most 15 bytes' },
  uuid: { type: 'string', placeholder: 'UUID', description: "UUID; else made of the image's digest" },
};
